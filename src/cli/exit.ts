// Owns the exit codes, and the error that ends a command with one of them. Scripts rely on the numbers: add, never renumber.

export const EXIT = {
  ok: 0,
  error: 1,
  usage: 2,
  unreachable: 5,
  refused: 6,
  portTaken: 69,
  internal: 70,
  secondInstance: 75,
  config: 78,
  interrupted: 130,
} as const

/** What each means to whoever writes a script; shown by `foreman --help`. */
export const EXIT_HELP =
  '0 ok · 1 error · 2 usage · 5 daemon unreachable · 6 refused (token, host) · 130 Ctrl-C\n' +
  '  serve: 69 port taken · 70 storage or internal error · 75 database in use · 78 settings'

/** Ends the command: its lines go to stderr as they are, without a stack. */
export class CommandError extends Error {
  readonly exitCode: number
  constructor(exitCode: number, message: string) {
    super(message)
    this.name = 'CommandError'
    this.exitCode = exitCode
  }
}
