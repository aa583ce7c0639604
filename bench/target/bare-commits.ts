// Baseline of a durable submit: rows of one blob each, written to one table by `node:sqlite` alone, with the pragmas of
// foreman's store. Runs in its own process: `bare-commits.ts FILE BATCH BYTES MS` prints `rate ROWS_A_SECOND`.

import { DatabaseSync } from 'node:sqlite'

const [file = '', ...numbers] = process.argv.slice(2)
const [batch = 1, bytes = 1, ms = 1_000] = numbers.map(Number)
/** The loops end by the clock; this limit is for a clock that does not advance. */
const MOST_COMMITS = 10_000_000

const db = new DatabaseSync(file)
db.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA fullfsync = ON;
  CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
`)
const insert = db.prepare('INSERT INTO rows (body) VALUES (?)')
const body = new Uint8Array(bytes).fill(120)

/** Returns rows per second. A mean batch size is seldom a whole number, so two sizes alternate to give that mean. */
function press(duration: number): number {
  const started = performance.now()
  let rows = 0
  let owed = 0
  for (let commits = 0; commits < MOST_COMMITS && performance.now() - started < duration; commits++) {
    owed += batch
    db.exec('BEGIN IMMEDIATE')
    for (; owed >= 1; owed--) {
      insert.run(body)
      rows++
    }
    db.exec('COMMIT')
  }
  return (rows * 1000) / (performance.now() - started)
}

press(300)
console.log(`rate ${press(ms)}`)
db.close()
