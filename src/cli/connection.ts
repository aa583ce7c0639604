// Connection of a command to the running daemon: its options and settings, and the exit code for each failure.

import { type Argument, type Command, InvalidArgumentError, Option } from 'commander'
import { ApiError, AuthError, ForemanClient, UnreachableError } from '../client/index.ts'
import { layersOf, readSetting } from '../daemon/config/load.ts'
import { CALLER_URL, SETTINGS } from '../daemon/config/options.ts'
import { processSources, type SettingSources } from '../daemon/config/sources.ts'
import { duration, formatDuration, MAX_DURATION_MS, type Parser, plain } from '../daemon/text/grammar.ts'
import { reasonOf } from '../daemon/text/system-error.ts'
import { CommandError, EXIT } from './exit.ts'
import { errorHint } from './job-words.ts'
import { printable } from './terminal.ts'

export interface ConnectionFlags {
  readonly url?: string
  readonly timeout?: number | undefined
  readonly json?: boolean
}

/** Time limit of one call without `--timeout`. */
const CALL_TIMEOUT_MS = 10_000

/** Parses the value of an option with a grammar of the settings. `usageErrorText` adds the name of the option. */
export const argument =
  <T>(parser: Parser<T>) =>
  (text: string): T => {
    const parsed = parser.parse(text)
    if (parsed.kind === 'refused')
      throw new InvalidArgumentError(`It ${parsed.why}; allowed: ${plain(parser.allowed)}.`)
    return parsed.value
  }

/** Names words for the help and the completion, without refusing others as `choices` does. */
export function withChoices<T extends Option | Argument>(it: T, words: readonly string[] | undefined): T {
  if (words !== undefined) it.argChoices = [...words]
  return it
}

/**
 * The message of commander for an invalid option value, in fewer words: `--state must be one of queued, done; not "over"`,
 * `--timeout "5" has no unit (did you mean 5s?); allowed: …`.
 */
export function usageErrorText(text: string): string {
  const [, option, argument, why = ''] =
    /^error: option '(?:-\w, )?(--[\w-]+)[^']*' argument '(.*)' is invalid\. (.*)\.\s*$/s.exec(text) ?? []
  const [, value, name] = /^error: command-argument value '(.*)' is invalid for argument '(\w+)'/s.exec(text) ?? []
  const [, choices] = /Allowed choices are (.*)\.\s*$/s.exec(text) ?? []
  if (choices !== undefined) return `error: ${option ?? name} must be one of ${choices}; not "${argument ?? value}"\n`
  return option === undefined ? text : `error: ${option} "${argument}" ${why.replace(/^It /, '')}\n`
}

/** Adds the options of every command that talks to a daemon, except `--timeout`. */
export function withDaemon(command: Command, json = 'print one JSON document'): Command {
  return command
    .addOption(new Option('--json', json))
    .addOption(new Option('--url <url>', `${CALLER_URL.about} (${CALLER_URL.name}; default ${CALLER_URL.default})`))
    .addHelpText('after', '\nThe token is read from FOREMAN_TOKEN or FOREMAN_TOKEN_FILE, never from a flag.')
}

/** Adds the same options and `--timeout`, for commands that end with the daemon's answer. */
export function withConnection(command: Command, timeoutMs = CALL_TIMEOUT_MS, json?: string): Command {
  return withDaemon(command, json).addOption(
    new Option('--timeout <duration>', 'give up after this')
      .argParser(argument(duration({ min: 100, max: 3_600_000 })))
      .default(timeoutMs, formatDuration(timeoutMs)),
  )
}

/** Adds the same options and `--timeout`, for commands that wait for a job. */
export function withWaiting(command: Command, json: string): Command {
  return withDaemon(command, json).addOption(
    new Option('--timeout <duration>', `wait no longer (exit ${EXIT.waitTimedOut}); the job continues`).argParser(
      argument(duration({ min: 1, max: MAX_DURATION_MS })),
    ),
  )
}

export type CallerSettings =
  | { readonly kind: 'loaded'; readonly url: string; readonly token: string | null }
  | { readonly kind: 'refused'; readonly problems: readonly string[] }

export function loadCaller(
  sources: Omit<SettingSources, 'machine'>,
  defaultUrl: string = CALLER_URL.default,
): CallerSettings {
  const problems: string[] = []
  // Problems in other lines of the .env concern only the daemon.
  const layers = layersOf(sources, [])
  const { value: url } = readSetting({ ...CALLER_URL, default: defaultUrl }, layers, problems)
  const { value: token } = readSetting(SETTINGS.token, layers, problems)
  if (url === undefined || token === undefined) return { kind: 'refused', problems }
  return { kind: 'loaded', url, token }
}

/** Returns the URL of a daemon on this machine that uses these settings: a container sets only the daemon's address. */
export function ownUrl(sources: Omit<SettingSources, 'machine'>): string {
  const { value: addr } = readSetting(SETTINGS.addr, layersOf(sources, []), [])
  // The daemon does not start with an invalid address, and a port of 0 says nothing about the port in use.
  if (addr === undefined || addr.port === 0) return CALLER_URL.default
  const { host, port } = addr
  if (host === '' || host === '0.0.0.0') return `http://127.0.0.1:${port}`
  if (host === '::') return `http://[::1]:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

export function connect({ url, timeout = CALL_TIMEOUT_MS }: ConnectionFlags, fallback?: 'own address'): ForemanClient {
  const sources = processSources({ [CALLER_URL.name]: url })
  const caller = loadCaller(sources, fallback === undefined ? CALLER_URL.default : ownUrl(sources))
  if (caller.kind === 'refused') {
    throw new CommandError(EXIT.config, caller.problems.map((problem) => `foreman: ${printable(problem)}`).join('\n'))
  }
  return new ForemanClient({ url: caller.url, timeoutMs: timeout, token: caller.token ?? undefined })
}

/** The message of an error, without control characters and without codes of the operating system. */
export const errorMessage = (error: unknown): string => printable(reasonOf(error))

/** The message and exit code for a failed command. */
export function commandErrorOf(error: unknown): CommandError {
  if (error instanceof CommandError) return error
  const message = `foreman: ${errorMessage(error)}`
  if (error instanceof UnreachableError) {
    const cure = `Is foreman running there? Give another address with --url or ${CALLER_URL.name}.`
    return new CommandError(EXIT.unreachable, `${message}\n${cure}`)
  }
  if (!(error instanceof ApiError)) return new CommandError(EXIT.error, message)
  if (error.code === 'unauthorized') return new CommandError(EXIT.refused, tokenProblem())
  const isRefused = error instanceof AuthError || error.status === 503
  // What the caller did wrong is in the message. What to do about the daemon is in the hint.
  const hint = isRefused || error.status >= 500 ? errorHint({ code: error.code ?? '' }) : null
  return new CommandError(isRefused ? EXIT.refused : EXIT.error, hint === null ? message : `${message}\n${hint}`)
}

/** Tells a missing token from a wrong one: the daemon's answer is the same for both. */
function tokenProblem(): string {
  const caller = loadCaller(processSources({ [CALLER_URL.name]: CALLER_URL.default }))
  const isSent = caller.kind === 'loaded' && caller.token !== null
  const { name } = SETTINGS.token
  return isSent
    ? `foreman: unauthorized: ${name} is not the token of this daemon`
    : `foreman: unauthorized: no token was sent; set ${name} or ${name}_FILE to the token of the daemon`
}
