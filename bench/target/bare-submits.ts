// Minimal Node program that acknowledges a job durably over HTTP: `node:http` in front of `node:sqlite`, one table, one
// synced commit for all bodies of one turn of the event loop. It does not check or interpret the bodies.

import { createServer, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { DatabaseSync } from 'node:sqlite'

const db = new DatabaseSync(process.argv[2] ?? '')
db.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA fullfsync = ON;
  CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
`)
const insert = db.prepare('INSERT INTO rows (body) VALUES (?)')

interface Waiting {
  readonly body: Buffer
  readonly res: ServerResponse
}

let waiting: Waiting[] = []

function commit(): void {
  const batch = waiting
  waiting = []
  db.exec('BEGIN IMMEDIATE')
  const ids = batch.map(({ body }) => insert.run(body).lastInsertRowid)
  db.exec('COMMIT')
  for (const [at, { res }] of batch.entries()) {
    const answer = `{"job_id":"${ids[at]}"}`
    res.writeHead(202, { 'Content-Type': 'application/json', 'Content-Length': answer.length }).end(answer)
  }
}

const server = createServer({ noDelay: true, keepAlive: true }, (req, res) => {
  const parts: Buffer[] = []
  req.on('data', (part: Buffer) => parts.push(part))
  req.once('end', () => {
    if (waiting.length === 0) setImmediate(commit)
    waiting.push({ body: Buffer.concat(parts), res })
  })
})
server.keepAliveTimeout = 3_600_000
server.on('connection', (socket: Socket) => socket.on('error', () => {}))
server.listen(0, '127.0.0.1', 4096, () => {
  const address = server.address()
  if (address !== null && typeof address !== 'string') console.log(`listening ${address.port}`)
})
