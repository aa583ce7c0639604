// Kinds of failed requests: `unreached` (nothing was sent), `lost` (the target may have read it), `protocol` (the reply is not
// HTTP) and `aborted` (by foreman). A job's attempts depend on it, so `unreached` is used only when it is certain. Pure.

import type { LostConnection } from './target.ts'

/** How far an exchange has come. `sent`: its first byte may have been written; `informed`: a 1xx came; `answered`: a head came. */
export type ExchangeProgress = 'queued' | 'sent' | 'informed' | 'answered'

/** Reason for which foreman itself ended an exchange. */
export class Ended extends Error {
  readonly kind: LostConnection['kind']
  readonly code: string
  constructor(kind: LostConnection['kind'], code: string, message: string) {
    super(message)
    this.kind = kind
    this.code = code
  }
}

/** undici's messages for an answer that it does not continue to read: a 100 or a 101 that was not asked for. */
const REFUSED_ANSWERS = ['bad response', 'bad upgrade']

const CLOSED_BY_FOREMAN = ['UND_ERR_DESTROYED', 'UND_ERR_CLOSED', 'UND_ERR_ABORTED']

/** undici 8.12 has a field for the parser's own codes, but leaves it empty. */
const NOT_HTTP = 'NOT_HTTP'

function kindOf(error: Error, code: string, progress: ExchangeProgress): LostConnection['kind'] {
  if (CLOSED_BY_FOREMAN.includes(code)) return 'aborted'
  // A header or path that HTTP does not allow: it would fail again, so it must not look like a dead target.
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED') return 'protocol'
  if (progress === 'queued') return 'unreached'
  if (progress === 'answered') return 'lost'
  // Two lengths that differ. undici notices them before it reports the head.
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return 'protocol'
  if (code === NOT_HTTP || code === 'UND_ERR_HEADERS_OVERFLOW') return 'protocol'
  if (code === 'UND_ERR_SOCKET' && REFUSED_ANSWERS.includes(error.message)) return 'protocol'
  return progress === 'informed' ? 'protocol' : 'lost'
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
