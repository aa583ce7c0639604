// Checks outside the settings, for `foreman config check`: the database path, the free disk and Ollama. They do not open
// the database or take its lock.

import { constants } from 'node:fs'
import { access, open, stat, statfs } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Config } from '../daemon/config/options.ts'
import { sizeText } from '../daemon/text/grammar.ts'
import { reasonOf } from '../daemon/text/system-error.ts'
import { jsonObject } from '../protocol/json.ts'
import { bytes } from './terminal.ts'

export interface Finding {
  readonly about: 'database' | 'free disk' | 'target'
  /** What was found. */
  readonly found: string
  /** One line with the setting, its value, what is wrong and what to do. Null if nothing is wrong. */
  readonly problem: string | null
}

/** 'FORM', the application id that the store writes. */
const APPLICATION_ID = 0x46_4f_52_4d

const SQLITE_HEAD_BYTES = 100

export async function databaseFindings({ db, minFree }: Pick<Config, 'db' | 'minFree'>): Promise<Finding[]> {
  const path = resolve(db)
  const folder = await folderProblem(dirname(path))
  if (folder !== null) {
    return [{ about: 'database', found: `${path} cannot be created`, problem: `FOREMAN_DB=${db}: ${folder}` }]
  }
  const file = await fileFound(path)
  const problem = file.problem === null ? null : `FOREMAN_DB=${db}: ${file.problem}`
  const free = await freeDisk(path, dirname(path), minFree)
  return [{ about: 'database', found: file.found, problem }, free]
}

async function folderProblem(folder: string): Promise<string | null> {
  const cure = 'create it, or set FOREMAN_DB to a path in a folder that exists'
  const seen = await stat(folder).catch(reasonOf)
  if (typeof seen === 'string') return `the folder ${folder} cannot be used (${seen}): ${cure}`
  if (!seen.isDirectory()) return `${folder} is not a folder: ${cure}`
  const refused = await access(folder, constants.W_OK | constants.X_OK).then(() => null, reasonOf)
  if (refused === null) return null
  return `this user may not write to the folder ${folder} (${refused}): change its owner, or set FOREMAN_DB to another path`
}

async function fileFound(path: string): Promise<{ found: string; problem: string | null }> {
  const cure = 'set FOREMAN_DB to another path'
  const seen = await stat(path).catch((error: NodeJS.ErrnoException) => error)
  if (seen instanceof Error) {
    if (seen.code === 'ENOENT') return { found: `${path} does not exist yet; foreman creates it`, problem: null }
    return { found: `${path} cannot be read`, problem: `it cannot be read (${reasonOf(seen)}): ${cure}` }
  }
  if (!seen.isFile()) return { found: `${path} is not a regular file`, problem: `it is not a regular file: ${cure}` }
  const found = `${path}, ${bytes(seen.size)}`
  if (seen.nlink > 1) {
    return {
      found,
      problem: `it has ${seen.nlink} names (hard links), and a database must have one: remove the others`,
    }
  }
  const refused = await access(path, constants.R_OK | constants.W_OK).then(() => null, reasonOf)
  if (refused !== null) return { found, problem: `this user may not read and write it (${refused}): change its owner` }
  if (seen.size > 0 && !(await isOurs(path))) {
    return { found, problem: `it is not a foreman database: ${cure}` }
  }
  return { found, problem: null }
}

/** Reads the file's header. A new database whose WAL was never written back has no application id there yet. */
async function isOurs(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SQLITE_HEAD_BYTES), 0, SQLITE_HEAD_BYTES, 0)
    if (bytesRead < SQLITE_HEAD_BYTES || buffer.toString('latin1', 0, 16) !== 'SQLite format 3\0') return false
    return [0, APPLICATION_ID].includes(buffer.readUInt32BE(68))
  } finally {
    await file.close()
  }
}

async function freeDisk(path: string, folder: string, minFree: number): Promise<Finding> {
  // The file, not its folder: it may be a symlink to another disk.
  const { bavail, bsize } = await statfs(path).catch(() => statfs(folder))
  const free = bavail * bsize
  const isLow = free < minFree
  const problem = `FOREMAN_MIN_FREE=${sizeText(minFree)}: only ${bytes(free)} are free beside ${path}, so foreman would refuse jobs: free disk space, or set a smaller value`
  return { about: 'free disk', found: `${bytes(free)} beside the database`, problem: isLow ? problem : null }
}

const TARGET_TIMEOUT_MS = 5_000

/** Sends the same request as the daemon's probe. */
export async function targetFinding(
  config: Pick<Config, 'ollamaUrl' | 'ollamaToken' | 'ollamaBasic'>,
): Promise<Finding> {
  const { ollamaUrl: url, ollamaToken, ollamaBasic } = config
  const wrong = (found: string, cure: string): Finding => ({
    about: 'target',
    found: `${url} ${found}`,
    problem: `FOREMAN_OLLAMA_URL=${url}: it ${found}: ${cure}`,
  })
  const basic = ollamaBasic === null ? null : `Basic ${Buffer.from(ollamaBasic).toString('base64')}`
  const authorization = basic ?? (ollamaToken === null ? null : `Bearer ${ollamaToken}`)
  try {
    const response = await fetch(`${url}/api/version`, {
      headers: authorization === null ? {} : { authorization },
      // A redirect would carry the credentials to an address that is not in the settings.
      redirect: 'manual',
      signal: AbortSignal.timeout(TARGET_TIMEOUT_MS),
    })
    const version = jsonObject(await response.text())?.['version']
    if (response.ok && typeof version === 'string') {
      return { about: 'target', found: `${url} is Ollama ${version}`, problem: null }
    }
    const found = `answers GET /api/version with ${response.status}${response.ok ? ', but without a version' : ''}`
    return response.status === 401 || response.status === 403
      ? wrong(found, 'set FOREMAN_OLLAMA_TOKEN or FOREMAN_OLLAMA_BASIC to its credentials')
      : wrong(found, 'set FOREMAN_OLLAMA_URL to the address of an Ollama server')
  } catch (error) {
    const cure = 'start Ollama there, or set FOREMAN_OLLAMA_URL to the address where it listens'
    return wrong(`does not answer (${fetchReason(error)})`, cure)
  }
}

/** fetch hides the reason in `cause`, one for each address of a name. */
function fetchReason(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `within ${TARGET_TIMEOUT_MS / 1000} s`
  if (error instanceof AggregateError && error.errors.length > 0) return fetchReason(error.errors[0])
  return error instanceof Error && error.cause !== undefined ? fetchReason(error.cause) : reasonOf(error)
}
