// Owns the table of answers: what the target said to an async job, kept with it until the job is pruned. Never an answer of
// a live call: its caller has it.

import type { DatabaseSync } from 'node:sqlite'
import { prepare } from './statement.ts'
import type { Answer } from './store.ts'

interface AnswerRow {
  readonly status: number
  readonly content_type: string | null
  readonly body: Uint8Array<ArrayBuffer>
}

export interface AnswersTable {
  put(sequence: number, answer: Answer): void
  get(id: string): Answer | null
}

export function createAnswers(db: DatabaseSync): AnswersTable {
  const put = prepare<{ sequence: number; status: number; contentType: string | null; body: Uint8Array }>(
    db,
    'INSERT INTO answers (sequence, status, content_type, body) VALUES ($sequence, $status, $contentType, $body)',
  )
  const get = prepare<{ id: string }, AnswerRow>(
    db,
    'SELECT a.status, a.content_type, a.body FROM jobs j JOIN answers a ON a.sequence = j.sequence WHERE j.id = $id',
  )
  return {
    put: (sequence, { status, contentType, body }) => void put.run({ sequence, status, contentType, body }),
    get(id) {
      const row = get.get({ id })
      return row === undefined ? null : { status: row.status, contentType: row.content_type, body: row.body }
    },
  }
}
