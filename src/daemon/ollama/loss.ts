// Owns the word for a failed exchange: not a byte went out, or it may have been read, or what came was no HTTP, or it was
// our own doing. A job's attempts hang on it, so `unreached` is said only when it is certain. Pure.

import type { LostConnection } from './target.ts'

/** How far an exchange had come. */
export interface ExchangeProgress {
  /** Its first byte may have been written. */
  readonly started: boolean
  /** The status line of its answer had come. */
  readonly answered: boolean
  /** A 1xx answer had come. */
  readonly informed: boolean
}

/** Why an exchange was ended from this side. */
export class Ended extends Error {
  readonly kind: LostConnection['kind']
  readonly code: string
  constructor(kind: LostConnection['kind'], code: string, message: string) {
    super(message)
    this.kind = kind
    this.code = code
  }
}

/** undici's words for an answer that it refuses to read on from: a 100 or a 101 that nobody asked for. */
const REFUSED_ANSWERS = ['bad response', 'bad upgrade']

const OURS = ['UND_ERR_DESTROYED', 'UND_ERR_CLOSED', 'UND_ERR_ABORTED']

function kindOf(error: Error, code: string, { started, answered, informed }: ExchangeProgress): LostConnection['kind'] {
  if (OURS.includes(code)) return 'aborted'
  // A header or path that HTTP does not allow: it would fail again, so it must not look like a dead target.
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') return 'protocol'
  if (!started) return 'unreached'
  if (answered) return 'lost'
  // Two lengths that differ. undici notices them before it reports the head.
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return 'protocol'
  if (code === NOT_HTTP || code === 'UND_ERR_HEADERS_OVERFLOW') return 'protocol'
  if (code === 'UND_ERR_SOCKET' && REFUSED_ANSWERS.includes(error.message)) return 'protocol'
  return informed ? 'protocol' : 'lost'
}

/** undici 8.12 has a place for the parser's own codes, but leaves it empty. */
const NOT_HTTP = 'NOT_HTTP'

/** What came cannot be read as an answer. */
export class NotHttp extends Error {
  readonly code = NOT_HTTP
}

function codeOf(error: Error): string {
  if (error.name === 'HTTPParserError') return NOT_HTTP
  return 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN'
}

export function lossOf(error: Error, progress: ExchangeProgress): LostConnection {
  const code = codeOf(error)
  const kind = error instanceof Ended ? error.kind : kindOf(error, code, progress)
  // An AggregateError (every address of a name refused) has no message of its own.
  return { kind, code, message: error.message === '' ? code : error.message }
}
