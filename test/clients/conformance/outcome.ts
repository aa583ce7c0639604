// Owns the words of a cell of the client matrix: what became of one way of asking in one scenario, and which outcome is
// worse than which. Pure.

import type { Told } from './way.ts'

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

export interface Truth {
  /** What the model said, when it has said it to the end; else null, and an error is right. */
  readonly text: string | null
  /** What the error may say; which of them depends on when it came. */
  readonly sentences: readonly string[]
}

/** `reasons`: the words behind the status of each answer that the client was given. */
export function outcomeOf(told: Told, { text, sentences }: Truth, reasons: readonly string[]): Outcome {
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

/** Worse for the user, or as bad and asked more often. */
export function isWorse(cell: Cell, bar: Cell): boolean {
  const difference = BADNESS[cell.outcome] - BADNESS[bar.outcome]
  return difference > 0 || (difference === 0 && cell.sent > bar.sent)
}

/** As the table writes it: `✓msg×3`. */
export const written = ({ outcome, sent }: Cell): string => (sent === 1 ? outcome : `${outcome}×${sent}`)

export function read(text: string): Cell {
  const [outcome = '', sent = '1'] = text.split('×')
  if (!(outcome in OUTCOMES)) throw new Error(`not an outcome: ${text}`)
  return { outcome: outcome as Outcome, sent: Number(sent) }
}
