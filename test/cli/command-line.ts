// Runs the real command line in a child process with a clean environment. Processes that still run are killed after the test.

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { onTestFinished } from 'vitest'
import { compileCache } from '../compile-cache.ts'

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Default: the command line. */
  readonly program?: string
  /** Default: Node. Another executable gets only the arguments. */
  readonly executable?: string
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export class Command {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly ended: Promise<Ended>
  #stdout = ''
  #stderr = ''
  #waiting: { text: string; found: () => void; failed: (error: Error) => void }[] = []

  constructor(args: readonly string[], options: CommandOptions = {}) {
    const { env = {}, cwd = emptyDirectory(), program = MAIN, executable } = options
    this.process = spawn(executable ?? process.execPath, executable === undefined ? [program, ...args] : args, {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', ...(program === MAIN ? compileCache() : {}), ...env },
    })
    this.process.stdout.setEncoding('utf8').on('data', (text: string) => this.#heard({ stdout: text }))
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => this.#heard({ stderr: text }))
    this.ended = new Promise((done) => {
      this.process.on('close', (code, signal) => {
        const ended = { code, signal, stdout: this.#stdout, stderr: this.#stderr }
        for (const { text, failed } of this.#waiting)
          failed(new Error(`ended without "${text}": ${JSON.stringify(ended)}`))
        this.#waiting = []
        done(ended)
      })
    })
    onTestFinished(async () => {
      if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL')
      await this.ended
    })
  }

  /** Its output so far. */
  get stdout(): string {
    return this.#stdout
  }

  /** Resolves when the text has been written to stdout or stderr; rejects when the process ends without it. */
  said(text: string): Promise<void> {
    return new Promise((found, failed) => {
      this.#waiting.push({ text, found, failed })
      this.#heard({})
    })
  }

  #heard({ stdout = '', stderr = '' }: { stdout?: string; stderr?: string }): void {
    this.#stdout += stdout
    this.#stderr += stderr
    const all = this.#stdout + this.#stderr
    for (const { found } of this.#waiting.filter(({ text }) => all.includes(text))) found()
    this.#waiting = this.#waiting.filter(({ text }) => !all.includes(text))
  }
}

/** Runs one command line to its end, with `input` on its stdin. Default: an empty stdin. */
export function run(
  args: readonly string[],
  options: CommandOptions & { readonly stdin?: string } = {},
): Promise<Ended> {
  const command = new Command(args, options)
  // A command that never reads may have ended already.
  command.process.stdin.on('error', () => undefined).end(options.stdin ?? '')
  return command.ended
}

/** Creates a directory with these files, and with this `.env` if given. It is removed after the test. */
export function emptyDirectory(files: Readonly<Record<string, string>> = {}): string {
  const path = mkdtempSync(join(tmpdir(), 'foreman-cli-'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), content)
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}
