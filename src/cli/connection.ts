// Owns how a command reaches the running daemon: its options, its settings, and which failure ends it with which code.

import { type Command, InvalidArgumentError, Option } from 'commander'
import { ApiError, AuthError, ForemanClient, UnreachableError } from '../client/index.ts'
import { DEFAULT_CALLER_URL, loadCaller, ownUrl } from '../daemon/config/caller.ts'
import { CALLER_URL } from '../daemon/config/options.ts'
import { processSources } from '../daemon/config/sources.ts'
import { duration, formatDuration, MAX_DURATION_MS, type Parser } from '../daemon/text/grammar.ts'
import { CommandError, EXIT } from './exit.ts'
import { printable } from './terminal.ts'

export interface ConnectionFlags {
  readonly url?: string
  readonly timeout?: number | undefined
  readonly json?: boolean
}

/** How long one call may take where no `--timeout` says so. */
const CALL_TIMEOUT_MS = 10_000

/** Reads an argument by one of the grammars of the settings; what is wrong with it is told as for a setting. */
export const argument =
  <T>(parser: Parser<T>) =>
  (text: string): T => {
    const parsed = parser.parse(text)
    if (parsed.kind === 'refused') throw new InvalidArgumentError(`It ${parsed.why}; allowed: ${parser.allowed}.`)
    return parsed.value
  }

/** Adds the options that every command has which talks to a daemon, but for `--timeout`. */
export function withDaemon(command: Command, json = 'print one JSON document'): Command {
  return command
    .addOption(new Option('--json', json))
    .addOption(new Option('--url <url>', `where foreman listens (${CALLER_URL}; default ${DEFAULT_CALLER_URL})`))
    .addHelpText('after', '\nThe token is read from FOREMAN_TOKEN or FOREMAN_TOKEN_FILE, never from a flag.')
}

/** The same for commands that end with the daemon's answer. */
export function withConnection(command: Command, timeoutMs = CALL_TIMEOUT_MS, json?: string): Command {
  return withDaemon(command, json).addOption(
    new Option('--timeout <duration>', 'give up after this')
      .argParser(argument(duration({ min: 100, max: 3_600_000 })))
      .default(timeoutMs, formatDuration(timeoutMs)),
  )
}

/** And for those that wait for a job. */
export function withWaiting(command: Command, json: string): Command {
  return withDaemon(command, json).addOption(
    new Option('--timeout <duration>', `wait no longer (exit ${EXIT.waitTimedOut}); the job goes on`).argParser(
      argument(duration({ min: 1, max: MAX_DURATION_MS })),
    ),
  )
}

export function connect({ url, timeout = CALL_TIMEOUT_MS }: ConnectionFlags, fallback?: 'own address'): ForemanClient {
  const sources = processSources({ [CALLER_URL]: url })
  const caller = loadCaller(sources, fallback === undefined ? DEFAULT_CALLER_URL : ownUrl(sources))
  if (caller.kind === 'refused') {
    throw new CommandError(
      EXIT.config,
      caller.problems.map((problem) => `foreman: ${printable(problem.text)}`).join('\n'),
    )
  }
  const { token } = caller
  return new ForemanClient({ url: caller.url, timeoutMs: timeout, ...(token === null ? {} : { token }) })
}

/** What a failed call means to whoever typed the command. */
export function commandErrorOf(error: unknown): CommandError {
  if (error instanceof CommandError) return error
  const message = `foreman: ${printable(error instanceof Error ? error.message : String(error))}`
  if (error instanceof UnreachableError) {
    return new CommandError(
      EXIT.unreachable,
      `${message}\nIs it running there? Another address: --url, or ${CALLER_URL}.`,
    )
  }
  const takesNoWork = error instanceof ApiError && error.status === 503
  if (error instanceof AuthError || takesNoWork) return new CommandError(EXIT.refused, message)
  return new CommandError(EXIT.error, message)
}
