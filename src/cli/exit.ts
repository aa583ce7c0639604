// Exit codes, and the error that ends a command with one of them. Scripts rely on the numbers: add, never renumber.

import { fileErrorText } from '../daemon/text/system-error.ts'

export const EXIT = {
  ok: 0,
  error: 1,
  usage: 2,
  jobFailed: 3,
  waitTimedOut: 4,
  unreachable: 5,
  refused: 6,
  portTaken: 69,
  internal: 70,
  secondInstance: 75,
  config: 78,
  interrupted: 130,
} as const

/** What each code means; shown by `foreman --help` and in docs/command-line.md. */
export const EXIT_MEANINGS: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT.ok, 'ok'],
  [EXIT.error, 'error'],
  [EXIT.usage, 'usage'],
  [EXIT.jobFailed, 'the job failed or was cancelled'],
  [EXIT.waitTimedOut, 'waited as long as --timeout; the job continues'],
  [EXIT.unreachable, 'daemon unreachable'],
  [EXIT.refused, 'refused: token, host, or it takes no work now'],
  [EXIT.config, 'settings: FOREMAN_URL or --url, or the token'],
  [EXIT.interrupted, 'Ctrl-C'],
]

export const SERVE_EXIT_MEANINGS: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT.portTaken, 'port taken'],
  [EXIT.internal, 'storage or internal error'],
  [EXIT.secondInstance, 'database in use'],
  [EXIT.config, 'settings'],
]

const line = (meanings: typeof EXIT_MEANINGS): string =>
  meanings.map(([code, meaning]) => `${code} ${meaning}`).join(' · ')

export const EXIT_HELP = `${line(EXIT_MEANINGS.slice(0, 4))}\n  ${line(EXIT_MEANINGS.slice(4, 7))}\n  ${line(EXIT_MEANINGS.slice(7))}\n  serve: ${line(SERVE_EXIT_MEANINGS)}`

/** The error for output that could not be written, such as to a full disk. */
export const stdoutError = (error: unknown): CommandError =>
  new CommandError(EXIT.error, `foreman: stdout cannot be written: ${fileErrorText(error)}`)

/** Ends the command with `exitCode`. The message goes to stderr as it is, without a stack. */
export class CommandError extends Error {
  readonly exitCode: number
  constructor(exitCode: number, message: string) {
    super(message)
    this.name = 'CommandError'
    this.exitCode = exitCode
  }
}
