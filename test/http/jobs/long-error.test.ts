// An error text of the target in any length: what foreman stores and shows of it is 2 KiB; a caller and the artifact get it all.

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { chat, get } from '../../caller.ts'
import { breaksWith, FakeOllama, fails, raw, type Script } from '../../fake-ollama.ts'
import { startForeman, temporaryFolder } from '../../harness.ts'
import { inState, list, submit } from './submission.ts'

const LONG = 'x'.repeat(60_000)
const CUT = `${'x'.repeat(2045)}…`

const doneBecause = (reason: string): Script => {
  const line = JSON.stringify({ done: true, done_reason: reason })
  return raw(`HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: ${line.length}\r\n\r\n${line}`)
}

describe('a long error text of the target', () => {
  it.each([
    ['an HTTP error', fails(500, LONG)],
    ['an error record', breaksWith(LONG)],
  ])('in %s is cut to 2 KiB in the job', async (_name, script) => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', script)
    const { job_id: id } = await submit(url)
    const job = await inState(url, id, 'failed')
    expect(job.error?.message).toBe(CUT)
    expect((await list(url)).jobs[0]?.error?.message).toBe(CUT)
    expect((await get(url, `/jobs/${id}/artifacts/response`)).body).toContain(LONG)
  })

  it('is cut as the reason of a complete answer too', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', doneBecause(LONG))
    const { job_id: id } = await submit(url)
    const job = await inState(url, id, 'done')
    expect(JSON.stringify(job)).toContain(CUT)
  })

  it('is not stored as the type of an error', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on(
      '/api/chat',
      raw(`HTTP/1.1 500 X\r\nContent-Type: text/${'x'.repeat(3_000)}\r\nContent-Length: 4\r\n\r\noops`),
    )
    const { job_id: id } = await submit(url)
    const { artifacts } = await inState(url, id, 'failed')
    expect(artifacts).toMatchObject([{ name: 'response', content_type: 'application/octet-stream' }])
  })

  it('is passed unchanged to a waiting call', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake)
    fake.on('/api/chat', fails(500, LONG))
    expect((await chat(url).answer()).body).toBe(JSON.stringify({ error: LONG }))
  })

  it('in a row of an earlier version is cut when it is read', async () => {
    await using fake = await FakeOllama.start()
    const db = join(await temporaryFolder(), 'foreman.db')
    const { url } = await startForeman(fake, { db })
    fake.on('/api/chat', fails(500, 'short'))
    const { job_id: id } = await submit(url)
    await inState(url, id, 'failed')
    using file = new DatabaseSync(db)
    file.prepare('UPDATE jobs SET error_message = ?').run(LONG)
    expect((await list(url)).jobs[0]?.error?.message).toBe(CUT)
  })
})
