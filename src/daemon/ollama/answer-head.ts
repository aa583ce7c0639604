// Owns what the head of an HTTP/1.1 answer says: its status, the headers that go on, and how its body is framed. It guesses
// nothing: two lengths, a length beside chunks or a line it cannot read are no answer. Pure.

import type { AnswerHeaders } from '../domain/answer.ts'
import { answerHeaders } from './answer-headers.ts'
import { NotHttp } from './loss.ts'

export interface AnswerHead {
  readonly status: number
  readonly headers: AnswerHeaders
  readonly reason: string
  /** `close`: the body goes on until the connection ends. */
  readonly body: 'none' | 'length' | 'chunks' | 'close'
  /** With `length`. */
  readonly length: number
  /** How long the connection may be kept for another request when the answer is over; 0 = not at all. */
  readonly idleMs: number
}

const STATUS = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/
const FIELD = /^([\w!#$%&'*+.^`|~-]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/
const LENGTH = /^\d{1,15}$/

// Ollama never closes an idle connection; a laptop's firewall or NAT does, and says nothing.
const IDLE_MS = 30_000
/** Between what a server says it keeps a connection and what is relied on: its clock began earlier than ours. */
const HURRY_MS = 2_000

/** From the lines before the blank one, one character a byte. Throws NotHttp. */
export function readHead(text: string): AnswerHead {
  const [first = '', ...lines] = text.split('\r\n')
  const [, minor, digits, reason = ''] = STATUS.exec(first) ?? []
  if (digits === undefined) throw new NotHttp('a status line that is none')
  const status = Number(digits)
  const raw: string[] = []
  let length: string | null = null
  let coding: string | null = null
  let idleMs = minor === '1' ? IDLE_MS : 0
  for (const line of lines) {
    const [, name, padded = ''] = FIELD.exec(line) ?? []
    if (name === undefined) throw new NotHttp('a header line that is none')
    const value = withoutPadding(padded)
    raw.push(name, value)
    switch (name.toLowerCase()) {
      case 'content-length':
        if (length !== null || !LENGTH.test(value)) throw new NotHttp('a length that is none')
        length = value
        break
      case 'transfer-encoding':
        if (coding !== null) throw new NotHttp('two transfer codings')
        coding = value.toLowerCase()
        break
      case 'connection':
        if (/(^|[\t ,])close([\t ,]|$)/i.test(value)) idleMs = 0
        break
      case 'keep-alive':
        idleMs = Math.min(idleMs, keptMs(value))
    }
  }
  if (coding !== null && (coding !== 'chunked' || length !== null)) throw new NotHttp('an unclear length')
  const framing = coding !== null ? 'chunks' : length !== null ? 'length' : 'close'
  const body = status === 204 || status === 304 ? 'none' : framing
  return { status, headers: answerHeaders(raw), reason, body, length: Number(length ?? 0), idleMs }
}

/** Not trimEnd(): a byte 0xa0 is part of the value. */
function withoutPadding(value: string): string {
  let end = value.length
  while (end > 0 && (value[end - 1] === ' ' || value[end - 1] === '\t')) end -= 1
  return value.slice(0, end)
}

/** From `timeout=5, max=100`. */
function keptMs(value: string): number {
  const [, seconds] = /timeout=(\d{1,9})/i.exec(value) ?? []
  return seconds === undefined ? IDLE_MS : Math.max(0, Number(seconds) * 1000 - HURRY_MS)
}
