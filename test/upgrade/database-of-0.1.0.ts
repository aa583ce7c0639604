// Database of foreman 0.1.0 after a kill: made by the two migrations of that release, with rows in every table.

import { createHash } from 'node:crypto'
import { readMigrations } from '../../src/daemon/sqlite/migration.ts'
import { openDatabase } from '../../src/daemon/sqlite/opening.ts'

/** Migrations of the release 0.1.0. */
const RELEASED = 2

export const BODY = '{"model":"tiny-a","messages":[{"role":"user","content":"hi"}]}'
export const RESPONSE = '{"model":"tiny-a","message":{"role":"assistant","content":"Yes."},"done":true}'
export const COMPLETION = 'Yes.'
export const KEY = 'order-1'

export const IDS = {
  done: '01JD0000000000000000000001',
  failed: '01JD0000000000000000000002',
  blocked: '01JD0000000000000000000003',
  running: '01JD0000000000000000000004',
  blockedRunning: '01JD0000000000000000000005',
  waiting: '01JD0000000000000000000006',
} as const

/** The fingerprint with which 0.1.0 compared two requests with the same key. */
const fingerprint = createHash('sha256').update(`/api/chat\0${BODY}`).digest()
const etagOf = (text: string): string => createHash('sha256').update(text).digest('hex')

interface Row {
  readonly id: string
  readonly state: string
  readonly caller?: 'live'
  readonly attempt?: number
  readonly claimed?: number
  readonly working?: number
  readonly finished?: number
  readonly code?: string
  readonly changes: number
  readonly webhook?: string
}

/** `receiver`: URL of the webhooks. `now`: wall ms; the jobs are some seconds old. */
export function writeDatabase(path: string, receiver: string, now: number): void {
  const { db, close } = openDatabase(path, readMigrations().slice(0, RELEASED))
  const at = now - 10_000
  const insert =
    db.prepare(`INSERT INTO jobs (id, state, caller, endpoint, model, normalised_model, affinity, stream, load_only,
      content_type, body_bytes, fifo_swap, attempt, created_at, created_awake, started_at, claimed_at, working_at, finished_at,
      error_code, error_message, load_ms, prompt_tokens, completion_tokens, done_reason, changes, label, webhook_url, webhook_events, is_json)
    VALUES ($id, $state, $caller, '/api/chat', 'tiny-a', 'tiny-a:latest', 'tiny-a:latest', 1, 0, 'application/json', $bytes, 0,
      $attempt, $at, 0, $claimed, $claimed, $working, $finished, $code, $message, $load, $prompt, $completion, $reason, $changes,
      $label, $webhook, $events, 1)`)
  const rows: Row[] = [
    {
      id: IDS.done,
      state: 'done',
      attempt: 1,
      claimed: at + 1,
      working: at + 2,
      finished: at + 3,
      changes: 4,
      webhook: receiver,
    },
    {
      id: IDS.failed,
      state: 'failed',
      attempt: 1,
      claimed: at + 1,
      working: at + 2,
      finished: at + 4,
      code: 'stalled',
      changes: 4,
    },
    {
      id: IDS.blocked,
      state: 'done',
      caller: 'live',
      attempt: 1,
      claimed: at + 1,
      working: at + 2,
      finished: at + 5,
      changes: 4,
    },
    { id: IDS.running, state: 'working', attempt: 1, claimed: at + 6, working: at + 7, changes: 3 },
    { id: IDS.blockedRunning, state: 'loading', caller: 'live', attempt: 1, claimed: at + 8, changes: 2 },
    { id: IDS.waiting, state: 'queued', changes: 1, webhook: receiver },
  ]
  for (const { id, state, caller, attempt = 0, claimed, working, finished, code, changes, webhook } of rows) {
    const isDone = state === 'done'
    insert.run({
      ...{ id, state, caller: caller ?? 'none', attempt, at, changes, bytes: BODY.length },
      ...{ claimed: claimed ?? null, working: working ?? null, finished: finished ?? null },
      ...{ code: code ?? null, message: code === undefined ? null : 'no byte came', webhook: webhook ?? null },
      ...{
        load: isDone ? 5 : null,
        prompt: isDone ? 7 : null,
        completion: isDone ? 2 : null,
        reason: isDone ? 'stop' : null,
      },
      ...{ label: caller === undefined ? 'nightly' : null, events: webhook === undefined ? '' : 'queued,done' },
    })
  }
  const sequenceOf = (id: string): number =>
    Number(db.prepare('SELECT sequence FROM jobs WHERE id = ?').get(id)?.['sequence'])
  const body = db.prepare('INSERT INTO bodies (sequence, body) VALUES (?, ?)')
  for (const id of [IDS.done, IDS.failed, IDS.running, IDS.blockedRunning, IDS.waiting])
    body.run(sequenceOf(id), Buffer.from(BODY))
  const change = db.prepare('INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?)')
  const histories = { [IDS.done]: 'done', [IDS.failed]: 'failed', [IDS.running]: null, [IDS.waiting]: undefined }
  for (const [id, end] of Object.entries(histories)) {
    change.run(sequenceOf(id), 1, 'queued', null, 0, at)
    if (end === undefined) continue
    change.run(sequenceOf(id), 2, 'loading', 'queued', 1, at + 1)
    change.run(sequenceOf(id), 3, 'working', 'loading', 1, at + 2)
    if (end !== null) change.run(sequenceOf(id), 4, end, 'working', 1, at + 3)
  }
  const artifact = db.prepare(
    'INSERT INTO artifacts (sequence, name, content_type, bytes, etag) VALUES (?, ?, ?, ?, ?)',
  )
  const piece = db.prepare('INSERT INTO pieces (artifact, number, body) VALUES (?, 0, ?)')
  const kept = { response: RESPONSE, completion: COMPLETION }
  for (const [name, text] of Object.entries(kept)) {
    const type = name === 'response' ? 'application/json' : 'text/plain; charset=utf-8'
    const { lastInsertRowid } = artifact.run(sequenceOf(IDS.done), name, type, text.length, etagOf(text))
    piece.run(lastInsertRowid, Buffer.from(text))
  }
  db.prepare('INSERT INTO results (sequence, is_response, body) VALUES (?, 1, NULL)').run(sequenceOf(IDS.done))
  const delivery =
    db.prepare(`INSERT INTO deliveries (sequence, n, status, head, receiver, tries, next_at, delivered_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
  const { host } = new URL(receiver)
  delivery.run(sequenceOf(IDS.done), 1, 'delivered', 0, host, 1, null, at + 1)
  delivery.run(sequenceOf(IDS.done), 4, 'pending', 1, host, 2, at + 4, null)
  delivery.run(sequenceOf(IDS.waiting), 1, 'pending', 1, host, 0, at, null)
  db.prepare('INSERT INTO idempotency (key, fingerprint, sequence) VALUES (?, ?, ?)').run(
    KEY,
    fingerprint,
    sequenceOf(IDS.waiting),
  )
  db.exec(
    "UPDATE queue_state SET paused = 1, awake = 5000, last_affinity = 'tiny-a:latest', newest_affinity = 'tiny-a:latest'",
  )
  close()
}
