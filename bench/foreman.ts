// Daemon under test, started as a user would start it: through the command line, in its own process and with its own
// database.

import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Child, startUntil, temporaryDirectory } from './child.ts'

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

export interface Foreman {
  readonly child: Child
  readonly pid: number
  readonly port: number
  readonly db: string
}

export interface ForemanOptions {
  readonly targetPort: number
  /** FOREMAN_* settings that differ from the defaults, and other variables of the process. */
  readonly settings?: Readonly<Record<string, string>>
  readonly db?: string
  /** Node's flags, the program and its command, instead of the source. */
  readonly args?: readonly string[]
}

/** Directory for CPU profiles of the daemons (`BENCH_PROFILE=directory`). Without it, none are written. */
const profile = process.env['BENCH_PROFILE']
const nodeFlags = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(profile)}`]

/** Starts a daemon on a free port; resolves when it listens. */
export async function startForeman({
  targetPort,
  settings = {},
  db,
  args = [main, 'serve'],
}: ForemanOptions): Promise<Foreman> {
  // In a separate directory, so that the daemon does not read a .env of the checkout.
  const cwd = temporaryDirectory()
  const file = db ?? join(cwd, 'foreman.db')
  const env = {
    ...Object.fromEntries(
      Object.keys(process.env)
        .filter(isOurs)
        .map((name) => [name, undefined]),
    ),
    FOREMAN_OLLAMA_URL: `http://127.0.0.1:${targetPort}`,
    FOREMAN_ADDR: '127.0.0.1:0',
    FOREMAN_DB: file,
    FOREMAN_LOG_FORMAT: 'json',
    ...settings,
  }
  const { child, value: port } = await startUntil(process.execPath, [...nodeFlags, ...args], portOf, { env, cwd })
  return { child, pid: child.pid, port, db: file }
}

/** Removes FOREMAN_* variables of the calling shell, which must not change the figures. */
const isOurs = (name: string): boolean => name.startsWith('FOREMAN_')

function portOf(line: string): number | undefined {
  const found = /"url":"http:\/\/127\.0\.0\.1:(\d+)"/.exec(line)
  return found === null || !line.includes('listening') ? undefined : Number(found[1])
}
