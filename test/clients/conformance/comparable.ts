// Answers of two servers made comparable: times, ids and the server's address are replaced.

import { timeless } from '../../ollama/same-question.ts'
import type { CallResult } from './client-process.ts'

export type Answers = Readonly<Record<string, CallResult>>

/** Fields that a client takes from its clock, or makes itself for each answer. */
const MAY_DIFFER = new Set(['created', 'completed_at'])

/** Ids that Ollama or a client draws, also inside sentences. */
const ID = /\b(chatcmpl-|cmpl-|lc_run-+|run-+|resp_|msg_|fc_|rs_|call_|toolu_|req_)[0-9a-zA-Z-]+/g
const UUID = /\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g

/** Ollama takes a model's parameters from a Go map, so their order changes with each answer. */
const PARAMETERS = /^(?:(?:PARAMETER )?[a-z_]+ +[^ \n]+(?:\n|$)){2,}/gm

const sorted = (text: string): string =>
  text.replace(PARAMETERS, (lines) =>
    lines
      .split('\n')
      .filter((line) => line !== '')
      .sort()
      .join('\n'),
  )

function withoutIds(value: unknown): unknown {
  if (typeof value === 'string') return sorted(value).replace(UUID, '<uuid>').replace(ID, '$1<id>')
  if (Array.isArray(value)) return value.map(withoutIds)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !MAY_DIFFER.has(key))
      .map(([key, inner]) => [key, withoutIds(inner)]),
  )
}

/** The address is part of some sentences. */
export const comparable = (answers: Answers, url: string): Answers =>
  withoutIds(timeless(JSON.parse(JSON.stringify(answers).replaceAll(url, '<url>')))) as Answers
