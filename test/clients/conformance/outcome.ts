// Outcomes of the client matrix: what happened to one client mode in one scenario, and which outcome is worse.

import type { ClientResult } from './client-mode.ts'

export const OUTCOMES = {
  '✓': 'the right answer',
  '✓msg': 'an error with the right message',
  status: 'an error that shows only the reason phrase of the HTTP status',
  '~err': 'an error without the right message',
  '✗err': 'an error although the request succeeded',
  '✗silent': 'a failure that looks like success',
} as const

export type Outcome = keyof typeof OUTCOMES

export interface Cell {
  readonly outcome: Outcome
  /** How often the client sent the request. */
  readonly sent: number
}

export interface ExpectedResult {
  /** The complete answer of the model; null if an error is expected. */
  readonly text: string | null
  /** Messages that the error may have, depending on when it occurs. */
  readonly sentences: readonly string[]
}

/** `reasons`: the reason phrases of the answers that the client got. */
export function outcomeOf(
  told: ClientResult,
  { text, sentences }: ExpectedResult,
  reasons: readonly string[],
): Outcome {
  if (text !== null) {
    if (told.kind === 'error') return '✗err'
    return told.text === text ? '✓' : '✗silent'
  }
  if (told.kind === 'text') return '✗silent'
  if (sentences.some((sentence) => told.message.includes(sentence))) return '✓msg'
  const { message } = told
  return reasons.some((reason) => reason !== 'OK' && message.includes(reason)) ? 'status' : '~err'
}

const BADNESS: Readonly<Record<Outcome, number>> = { '✓': 0, '✓msg': 0, status: 1, '~err': 2, '✗err': 3, '✗silent': 4 }

/** Returns whether a cell is worse for the user, or equal with more requests. */
export function isWorse(cell: Cell, bar: Cell): boolean {
  const difference = BADNESS[cell.outcome] - BADNESS[bar.outcome]
  return difference > 0 || (difference === 0 && cell.sent > bar.sent)
}

/** Text of a cell in the table: `✓msg×3`. */
export const written = ({ outcome, sent }: Cell): string => (sent === 1 ? outcome : `${outcome}×${sent}`)

export function read(text: string): Cell {
  const [outcome = '', sent = '1'] = text.split('×')
  if (!(outcome in OUTCOMES)) throw new Error(`not an outcome: ${text}`)
  return { outcome: outcome as Outcome, sent: Number(sent) }
}
