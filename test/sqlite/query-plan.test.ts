// Query plans of the store: each look-up uses an index, for any number of waiting jobs, ended jobs or deliveries.

import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { ARTIFACT_SQL } from '../../src/daemon/sqlite/artifacts.ts'
import { CHANGES_SQL } from '../../src/daemon/sqlite/changes.ts'
import { CLAIMABLE_SQL } from '../../src/daemon/sqlite/claimable.ts'
import { DEADLINE_SQL } from '../../src/daemon/sqlite/deadlines.ts'
import { DELIVERY_SQL } from '../../src/daemon/sqlite/deliveries.ts'
import { LIST_SQL } from '../../src/daemon/sqlite/job-list.ts'
import { openDatabase } from '../../src/daemon/sqlite/opening.ts'
import { POSITION_SQL } from '../../src/daemon/sqlite/queue-positions.ts'
import { IDEMPOTENCY_SQL } from '../../src/daemon/sqlite/submissions.ts'
import { temporaryFolder } from './temporary-store.ts'

function planOf(db: DatabaseSync, sql: string): string[] {
  return db
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all()
    .map((row) => String(row['detail']))
}

async function planIn(sql: string): Promise<string[]> {
  const { db, close } = openDatabase(join(await temporaryFolder(), 'foreman.db'))
  const plan = planOf(db, sql)
  close()
  return plan
}

it.each(Object.entries(CLAIMABLE_SQL))(
  'the look-up "%s" of a claim searches one index and sorts nothing',
  async (_, sql) => {
    expect(await planIn(sql)).toEqual([
      expect.stringMatching(/^SEARCH jobs USING (COVERING )?INDEX (claimable_by_|backoffs)/),
    ])
  },
)

it.each(Object.entries(LIST_SQL))('the list "%s" reads one index in its order', async (_, sql) => {
  expect(await planIn(sql)).toEqual([expect.stringMatching(/^SEARCH jobs USING (INDEX|INTEGER PRIMARY KEY) /)])
})

/** Partial indices that contain exactly the wanted rows: scanned from their beginning, up to the limit. */
const WALKED =
  /^SCAN (jobs|receivers|deliveries) USING (COVERING )?INDEX (start_deadlines|finish_deadlines|receivers_by_time|pending)$/

const LOOKUPS = {
  ...ARTIFACT_SQL,
  ...POSITION_SQL,
  ...DELIVERY_SQL,
  'start deadlines': DEADLINE_SQL.start,
  'finish deadlines': DEADLINE_SQL.finish,
  changes: CHANGES_SQL,
  idempotency: IDEMPOTENCY_SQL,
}

it.each(Object.entries(LOOKUPS))('the look-up "%s" scans no table and sorts nothing', async (_, sql) => {
  const plan = await planIn(sql)
  const costly = plan.filter((step) => /^SCAN|TEMP B-TREE/.test(step) && !WALKED.test(step) && !/json_each/.test(step))
  expect(costly).toEqual([])
})

it('the triggers for receivers read one step of an index', async () => {
  const plan = await planIn('SELECT next_at FROM deliveries WHERE head = 1 AND receiver = $r ORDER BY next_at LIMIT 1')
  expect(plan).toEqual([expect.stringMatching(/^SEARCH deliveries USING COVERING INDEX due_by_receiver/)])
})
