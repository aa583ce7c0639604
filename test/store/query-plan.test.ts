// What the look-ups of the queue cost: each is a step into an index, whatever waits.

import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { CLAIMABLE_SQL } from '../../src/daemon/store/claimable.ts'
import { openDatabase } from '../../src/daemon/store/opening.ts'
import { temporaryFolder } from './temporary-store.ts'

function planOf(db: DatabaseSync, sql: string): string[] {
  return db
    .prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .all()
    .map((row) => String(row['detail']))
}

it.each(Object.entries(CLAIMABLE_SQL))(
  'the look-up "%s" of a claim searches one index and sorts nothing',
  async (_, sql) => {
    const { db, close } = openDatabase(join(await temporaryFolder(), 'foreman.db'))
    const plan = planOf(db, sql)
    close()
    expect(plan).toEqual([expect.stringMatching(/^SEARCH jobs USING (COVERING )?INDEX (claimable_by_|backoffs)/)])
  },
)
