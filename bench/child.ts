// Child processes of a bench. Each has a handle and a temporary directory that is removed with it, and ends with the
// bench in every case. It never signals a process that it did not start.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The running children, each with the signal that reliably ends it and its own children. */
const children = new Map<ChildProcess, NodeJS.Signals>()
const directories = new Set<string>()

/** Processes still running this long after SIGTERM are killed, because a bench must end. */
const PATIENCE_MS = 5_000

process.on('exit', () => {
  for (const [child, signal] of children) child.kill(signal)
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

export interface Child {
  readonly pid: number
  readonly process: ChildProcess
  stop(): Promise<void>
}

export interface ChildOptions {
  /** Added to the environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** The user to run as, for programs that refuse root. */
  readonly user?: { readonly uid: number; readonly gid: number }
  /** Whether it has child processes, which a SIGKILL would leave behind. */
  readonly isParent?: boolean
  /** Gets each line of stdout and stderr. */
  readonly onLine?: (line: string, from: 'stdout' | 'stderr') => void
}

/** Creates a temporary directory that is removed at the end. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'foreman-bench-'))
  directories.add(directory)
  return directory
}

export function startChild(command: string, args: readonly string[], options: ChildOptions = {}): Child {
  const env = { ...process.env, ...options.env }
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...options.user,
  })
  const { pid } = child
  child.on('error', () => {})
  if (pid === undefined) throw new Error(`${command} could not be started`)
  children.set(child, options.isParent === true ? 'SIGTERM' : 'SIGKILL')
  child.once('exit', () => children.delete(child))
  for (const from of ['stdout', 'stderr'] as const) {
    // Always read to the end: a full pipe would block the child.
    createInterface(child[from]).on('line', (line) => options.onLine?.(line, from))
  }
  return { pid, process: child, stop: () => stopChild(child) }
}

/** Starts a child and waits for the first line for which `read` returns a value. */
export async function startUntil<T>(
  command: string,
  args: readonly string[],
  read: (line: string) => T | undefined,
  { onLine, deadlineMs = 20_000, ...rest }: ChildOptions & { readonly deadlineMs?: number } = {},
): Promise<{ child: Child; value: T }> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const said: string[] = []
  const child = startChild(command, args, {
    ...rest,
    onLine: (line, from) => {
      onLine?.(line, from)
      if (said.length < 50) said.push(line)
      const value = read(line)
      if (value !== undefined) resolve(value)
    },
  })
  const fail = (why: string) => reject(new Error(`${command} ${args[0] ?? ''} ${why}\n${said.join('\n')}`))
  child.process.once('exit', (code) => fail(`ended with ${code} before it was ready`))
  const timer = setTimeout(() => fail('was not ready in time'), deadlineMs)
  try {
    return { child, value: await promise }
  } catch (error) {
    await child.stop()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  await gone
  clearTimeout(timer)
}

/** Ends all children that still run, after a bench that failed. */
export async function stopChildren(): Promise<void> {
  await Promise.all([...children.keys()].map(stopChild))
}
