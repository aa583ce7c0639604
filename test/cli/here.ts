// Runs a command line inside the test's process with a clean environment. A process for each would take seconds; tests of the process
// itself use command-line.ts.

import { Readable } from 'node:stream'
import { onTestFinished, vi } from 'vitest'
import { runCommand } from '../../src/cli/program.ts'
import { emptyDirectory } from './command-line.ts'

export interface HereOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** What is piped into it. Default: nothing. */
  readonly stdin?: string
}

/** One at a time in a process: it changes the process's directory, environment and streams until it ends. */
export async function runHere(
  args: readonly string[],
  { env = {}, cwd = emptyDirectory(), stdin = '' }: HereOptions = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' }
  const home = process.cwd()
  const restore = (): void => {
    vi.restoreAllMocks()
    vi.unstubAllEnvs()
    process.chdir(home)
  }
  onTestFinished(restore)
  for (const name of Object.keys(process.env)) {
    if (/^FOREMAN_|^(NO|FORCE)_COLOR$/.test(name)) vi.stubEnv(name, undefined)
  }
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  process.chdir(cwd)
  vi.spyOn(process, 'stdin', 'get').mockReturnValue(Readable.from([Buffer.from(stdin)]) as typeof process.stdin)
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((data, encoding?: unknown, done?: unknown) => {
      written[name] += Buffer.from(data as Uint8Array).toString('utf8')
      for (const callback of [encoding, done]) if (typeof callback === 'function') queueMicrotask(() => callback())
      return true
    })
  }
  const code = await runCommand(args)
  restore()
  return { code, ...written }
}
