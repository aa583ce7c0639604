// Logger: one line per event, JSON or pretty. Prompts, answers, tokens, keys and webhook paths must never be in it.

import { type DestinationStream, type Logger, pino } from 'pino'
import type { Config } from '../config/options.ts'
import { LogOutput } from './log-output.ts'

export type Log = Logger

/**
 * Field names whose values are redacted, at the top level and one level below. A second safeguard: the first is not to
 * log them.
 */
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

/** An Error without fields that other modules add (a parser's bytes), and without the input that JSON.parse quotes. */
function errorForLog(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error }
  const { name: type, message, stack = '', cause } = error
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
  const more = cause === undefined ? {} : { cause: errorForLog(cause) }
  const said = error instanceof SyntaxError ? '[not shown: it may quote its input]' : message
  return { type, message: said, ...code, stack: stack.replace(message, () => said), ...more }
}

/** One line per event: no object and no stack of an error spans several lines. */
export const PRETTY = {
  ignore: 'hostname,pid',
  translateTime: 'HH:MM:ss.l',
  sync: true,
  singleLine: true,
  errorLikeObjectKeys: [],
}

/** The logger of a process: pretty on a terminal, JSON lines otherwise, unless the settings choose one. */
export async function openLog(config: Pick<Config, 'logLevel' | 'logFormat'>): Promise<Log> {
  const isPretty = config.logFormat === 'pretty' || (config.logFormat === 'auto' && process.stdout.isTTY === true)
  if (!isPretty) return createLog(config)
  // A service never loads pino-pretty. It is used as a stream and not as a transport: a worker thread would break the
  // single-file build and lose the last lines.
  const { default: pretty } = await import('pino-pretty')
  return createLog(config, pretty(PRETTY))
}

/**
 * A logger of JSON lines. It does not use pino's own destination: asynchronously that swaps the last two lines (5 of 40
 * exits seen) and retries for ever when the reader of the pipe is gone; synchronously it blocks while a pipe is full.
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
