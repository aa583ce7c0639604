// Judges one disk image after a power cut: opens it as the daemon does, recovers, and compares with what had been promised.

import { createHash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import { openExclusively } from '../../src/daemon/sqlite/opening.ts'
import type { StoreOperation } from '../../src/daemon/sqlite/operations.ts'
import { createTables } from '../../src/daemon/sqlite/tables.ts'
import { createTransactions } from '../../src/daemon/sqlite/transaction.ts'
import type { Fact } from './recording.ts'

export interface Cut {
  /** Size of the write log at the cut. */
  readonly at: number
  readonly wallMs: number
}

const MAX_ATTEMPTS = 3

/** Rows that must not be there after recovery. Each query gives the ids of the jobs concerned. */
export const UNSOUND: Readonly<Record<string, string>> = {
  'a job that still runs': `SELECT id FROM jobs WHERE state IN ('loading', 'working')`,
  'a waiting call whose caller is gone': `SELECT id FROM jobs WHERE caller = 'live' AND finished_at IS NULL`,
  'a state without its change': `SELECT id FROM jobs j WHERE caller = 'none' AND NOT EXISTS (SELECT 1 FROM changes c
    WHERE c.sequence = j.sequence AND c.number = j.changes AND c.state = j.state)`,
  'a gap in a history': `SELECT j.id FROM jobs j JOIN changes c USING (sequence) WHERE c.previous IS NOT
    (SELECT state FROM changes b WHERE b.sequence = c.sequence AND b.number < c.number ORDER BY number DESC LIMIT 1)`,
  'a change without its webhook': `SELECT j.id FROM jobs j JOIN changes c USING (sequence)
    WHERE webhook_url IS NOT NULL AND instr(webhook_events, c.state) > 0
    AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.sequence = c.sequence AND d.n = c.number)`,
  'a job without its body': `SELECT id FROM jobs WHERE caller = 'none' AND sequence NOT IN (SELECT sequence FROM bodies)`,
  'done without artifacts': `SELECT id FROM jobs j WHERE caller = 'none' AND state = 'done' AND
    (SELECT count(*) FROM artifacts a WHERE a.sequence = j.sequence) <> 2`,
  'artifacts without done': `SELECT j.id FROM jobs j JOIN artifacts USING (sequence) WHERE state = 'queued'`,
  'half an artifact': `SELECT j.id FROM jobs j JOIN artifacts a USING (sequence) WHERE a.bytes <>
    (SELECT coalesce(sum(length(body)), 0) FROM pieces WHERE artifact = a.id)`,
  'a later delivery before an earlier one': `SELECT j.id FROM jobs j JOIN deliveries d USING (sequence) WHERE d.status = 'delivered'
    AND EXISTS (SELECT 1 FROM deliveries e WHERE e.sequence = d.sequence AND e.n < d.n AND e.status = 'pending')`,
  'no head of the deliveries, or a wrong one': `SELECT j.id FROM jobs j JOIN deliveries d USING (sequence)
    WHERE d.head <> (d.status = 'pending' AND d.n =
    (SELECT min(n) FROM deliveries e WHERE e.sequence = d.sequence AND e.status = 'pending'))`,
  'a receiver at the wrong time': `SELECT r.receiver AS id FROM receivers r
    WHERE next_at IS NOT (SELECT min(next_at) FROM deliveries d WHERE head = 1 AND d.receiver = r.receiver)`,
}

/** Returns what is wrong, one sentence each; nothing if every promise was kept. */
export async function judge(path: string, cut: Cut, facts: readonly Fact[], ttlMs: number): Promise<readonly string[]> {
  let database: Awaited<ReturnType<typeof openExclusively>>
  try {
    database = await openExclusively(path)
  } catch (error) {
    return [`cannot be opened: ${error instanceof Error ? error.message : String(error)}`]
  }
  try {
    const { db } = database
    const recover = { name: 'recover', args: [cut.wallMs, MAX_ATTEMPTS] } satisfies StoreOperation
    createTransactions(db, createTables(db), null).run('synced', [recover])
    return [...damage(db), ...unsound(db), ...brokenPromises(db, cut, facts, ttlMs), ...inventions(db, cut, facts)]
  } catch (error) {
    return [`cannot be recovered: ${error instanceof Error ? error.message : String(error)}`]
  } finally {
    database.close()
  }
}

function damage(db: DatabaseSync): string[] {
  const check = db.prepare('PRAGMA integrity_check(5)').all()
  const found = check.map((row) => String(row['integrity_check'])).filter((line) => line !== 'ok')
  const foreign = db.prepare('PRAGMA foreign_key_check').all().length
  return [...found.map((line) => `damaged: ${line}`), ...(foreign > 0 ? [`${foreign} broken foreign keys`] : [])]
}

const unsound = (db: DatabaseSync): string[] =>
  Object.entries(UNSOUND).flatMap(([name, sql]) =>
    db
      .prepare(sql)
      .all()
      .map((row) => `${name}: ${row['id']}`),
  )

interface Row {
  readonly id: string
  readonly state: string
  readonly finished_at: number | null
  readonly body: Uint8Array | null
  readonly key: string | null
}

function brokenPromises(db: DatabaseSync, cut: Cut, facts: readonly Fact[], ttlMs: number): string[] {
  const rows = db
    .prepare(
      `SELECT j.id, j.state, j.finished_at, b.body, i.key FROM jobs j LEFT JOIN bodies b USING (sequence)
      LEFT JOIN idempotency i USING (sequence) WHERE j.caller = 'none'`,
    )
    .all() as unknown as Row[]
  const jobs = new Map(rows.map((row) => [row.id, row]))
  const mayBeGone = new Set<string>()
  for (const fact of facts) {
    // A prune is recognised by its time; the client may have read the end earlier or later.
    if (fact.kind === 'ended' && fact.finishedAt + ttlMs <= cut.wallMs) mayBeGone.add(fact.jobId)
    if (fact.kind === 'may_be_gone' && fact.at <= cut.at) mayBeGone.add(fact.jobId)
  }
  return facts.flatMap((fact) => {
    if (fact.at > cut.at) return []
    const job = jobs.get(fact.jobId)
    if (fact.kind === 'accepted') return job === undefined ? lost(fact.jobId, mayBeGone) : changed(fact, job)
    if (fact.kind === 'deleted') return job === undefined ? [] : [`${fact.jobId} was deleted and is back`]
    if (fact.kind !== 'ended' || job === undefined) return []
    const isSame = job.state === fact.state && Number(job.finished_at) === fact.finishedAt
    return isSame ? [] : [`${fact.jobId} had ended (${fact.state}) and is ${job.state}`]
  })
}

const lost = (jobId: string, mayBeGone: ReadonlySet<string>): string[] =>
  mayBeGone.has(jobId) ? [] : [`${jobId} was accepted and is lost`]

function changed({ jobId, hash, key }: Fact & { readonly kind: 'accepted' }, job: Row): string[] {
  const found = createHash('sha256')
    .update(job.body ?? '')
    .digest('hex')
  return [
    ...(found === hash ? [] : [`the body of ${jobId} is another one`]),
    ...(job.key === key ? [] : [`the key of ${jobId} is ${job.key}`]),
  ]
}

/** A webhook that counts as delivered although its receiver has not got it. */
function inventions(db: DatabaseSync, cut: Cut, facts: readonly Fact[]): string[] {
  const told = new Set(
    facts.flatMap((fact) => (fact.kind === 'told' && fact.at <= cut.at ? [`${fact.jobId} ${fact.n}`] : [])),
  )
  const delivered = db
    .prepare(`SELECT id || ' ' || n AS name FROM jobs JOIN deliveries USING (sequence) WHERE status = 'delivered'`)
    .all()
  return delivered
    .map((row) => String(row['name']))
    .flatMap((name) => (told.has(name) ? [] : [`${name} was not delivered`]))
}
