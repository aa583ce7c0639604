// PostgreSQL for the bench alone: a cluster made by initdb in a temporary directory, on a free port of loopback, with
// its durable defaults. It does not touch a cluster of the machine. If the bench runs as root, PostgreSQL runs as
// another user.

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync } from 'node:fs'
import { join } from 'node:path'
import { onFreePort } from '../test/free-port.ts'
import { type Child, type ChildOptions, startChild, startUntil, temporaryDirectory } from './child.ts'
import { findProgram, MissingProgram } from './program.ts'

const CURE = 'Debian: apt-get install --no-install-recommends postgresql; macOS: brew install postgresql'

export interface Postgres {
  readonly child: Child
  readonly url: string
}

export const startPostgres = (): Promise<Postgres> => onFreePort(startOn)

async function startOn(port: number): Promise<Postgres> {
  const initdb = findProgram('initdb', CURE)
  const postgres = findProgram('postgres', CURE)
  const directory = temporaryDirectory()
  const user = process.getuid?.() === 0 ? unprivilegedUser() : null
  if (user !== null) chownSync(directory, user.uid, user.gid)
  const options: ChildOptions = { cwd: directory, ...(user === null ? {} : { user }) }
  const data = join(directory, 'data')
  await made(initdb, ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], options)
  const settings = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'on',
    synchronous_commit: 'on',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const isReady = (line: string): true | undefined => (line.includes('ready to accept connections') ? true : undefined)
  const { child } = await startUntil(postgres, ['-D', data, ...args], isReady, { ...options, isParent: true })
  return { child, url: `postgres://bench@127.0.0.1:${port}/postgres` }
}

/** The user to run PostgreSQL as, because it refuses to run as root. */
function unprivilegedUser(): { uid: number; gid: number } {
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string): number => Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {}
  }
  throw new MissingProgram('needs a user postgres or nobody, because PostgreSQL refuses to run as root')
}

async function made(command: string, args: readonly string[], options: ChildOptions): Promise<void> {
  const said: string[] = []
  const child = startChild(command, args, { ...options, onLine: (line) => said.push(line) })
  const [code] = await once(child.process, 'close')
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${said.slice(-5).join(' ')}`)
}
