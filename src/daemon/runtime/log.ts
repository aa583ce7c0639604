// Owns the logger: one line an event, JSON or pretty, and what must never be in it (prompts, answers, tokens, keys,
// webhook paths). Everything that logs gets a child of this one with its job id bound.

import { type DestinationStream, type Logger, pino } from 'pino'
import type { Config } from '../config/config.ts'
import { LogOutput } from './log-output.ts'

export type Log = Logger

/** Names whose values are blacked out wherever they turn up one level deep: a second lock, the first is not to log them. */
const SECRET = [
  'authorization',
  'token',
  'secret',
  'body',
  'prompt',
  'messages',
  '*.authorization',
  '*.token',
  '*.secret',
]

/** An Error without what other modules hang on it (a parser's bytes), and without the input that JSON.parse quotes. */
function errorForLog(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error }
  const { name: type, message, stack = '', cause } = error
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
  const more = cause === undefined ? {} : { cause: errorForLog(cause) }
  const said = error instanceof SyntaxError ? '[not shown: it may quote its input]' : message
  return { type, message: said, ...code, stack: stack.replace(message, () => said), ...more }
}

/** One line an event: no object, and no stack of an error, is spread over several. */
export const PRETTY = {
  ignore: 'hostname,pid',
  translateTime: 'HH:MM:ss.l',
  sync: true,
  singleLine: true,
  errorLikeObjectKeys: [],
}

/** The logger of a process: pretty on a terminal, JSON lines otherwise, unless the settings say. */
export async function openLog(config: Pick<Config, 'logLevel' | 'logFormat'>): Promise<Log> {
  const isPretty = config.logFormat === 'pretty' || (config.logFormat === 'auto' && process.stdout.isTTY === true)
  if (!isPretty) return createLog(config)
  // A service never loads pino-pretty. It is a stream and not a transport: a worker thread would break the one-file build and
  // lose the last lines.
  const { default: pretty } = await import('pino-pretty')
  return createLog(config, pretty(PRETTY))
}

/**
 * A logger of JSON lines. Not with pino's own destination: in the background it turns the last two lines around (5 of 40 exits
 * seen) and tries for ever when the reader of the pipe has left; in the foreground it sleeps while a pipe is full.
 */
export function createLog(
  { logLevel: level }: Pick<Config, 'logLevel'>,
  destination: DestinationStream = new LogOutput(1),
): Log {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: errorForLog },
    redact: { paths: SECRET, censor: '[redacted]' },
  }
  return pino(options, destination)
}
