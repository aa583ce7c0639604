// Owns how a command reaches the running daemon: its options, its settings, and which failure ends it with which code.

import { type Command, InvalidArgumentError, Option } from 'commander'
import { ForemanClient, RefusedError, UnreachableError } from '../client/index.ts'
import { DEFAULT_CALLER_URL, loadCaller } from '../daemon/config/caller.ts'
import { duration, formatDuration } from '../daemon/config/grammar.ts'
import { CALLER_URL } from '../daemon/config/options.ts'
import { processSources } from '../daemon/config/sources.ts'
import { CommandError, EXIT } from './exit.ts'
import { printable } from './terminal.ts'

export interface ConnectionFlags {
  readonly url?: string
  readonly timeout: number
  readonly json?: boolean
}

const timeoutGrammar = duration({ min: 100, max: 3_600_000 })

function readTimeout(text: string): number {
  const parsed = timeoutGrammar.parse(text)
  if (parsed.kind === 'refused') throw new InvalidArgumentError(`It ${parsed.why}; allowed: ${timeoutGrammar.allowed}.`)
  return parsed.value
}

/** Adds the options that every command has which talks to a daemon. */
export function withConnection(command: Command, timeoutMs = 10_000): Command {
  return command
    .addOption(new Option('--json', 'print one JSON document'))
    .addOption(new Option('--url <url>', `where foreman listens (${CALLER_URL}; default ${DEFAULT_CALLER_URL})`))
    .addOption(
      new Option('--timeout <duration>', 'give up after this')
        .argParser(readTimeout)
        .default(timeoutMs, formatDuration(timeoutMs)),
    )
    .addHelpText('after', '\nThe token is read from FOREMAN_TOKEN or FOREMAN_TOKEN_FILE, never from a flag.')
}

export function connect({ url, timeout }: ConnectionFlags): ForemanClient {
  const caller = loadCaller(processSources({ [CALLER_URL]: url }))
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
  if (error instanceof RefusedError) return new CommandError(EXIT.refused, message)
  return new CommandError(EXIT.error, message)
}
