// Compactions of a conversation (Ollama 0.34 and newer). They run a model, so they wait in the queue, with heartbeats.

import { describe, expect, it } from 'vitest'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { Caller, read } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { startForeman, until } from '../harness.ts'
import { submit, view } from '../http/jobs/submission.ts'

const ITEM = '{"type":"compaction","encrypted_content":"{}"}'
const COMPACTED = `{"id":"resp_compact_1","object":"response.compaction","created_at":1,"output":[${ITEM}],"usage":{"input_tokens":33,"input_tokens_details":{"cached_tokens":32},"output_tokens":2}}`
const FAILED = '{"error":{"message":"compaction failed","type":"api_error","param":null,"code":"compaction_failed"}}'
const COMPLETED = `event: response.completed\ndata: {"type":"response.completed","response":{"status":"completed","output":[${ITEM}]}}\n\n`

const items = [{ type: 'message', role: 'user', content: 'hi' }]
const triggered = { model: 'tiny-a', input: [...items, { type: 'compaction_trigger' }], stream: true }

async function start() {
  const fake = await FakeOllama.start({ version: '0.34.4' })
  const foreman = await startForeman(fake)
  await until('the target was probed', async () => {
    return (await read<StatusDocument>(foreman.url, '/status')).target.reachable === true
  })
  return { fake, ...foreman }
}

describe('a separate compaction request', () => {
  const call = { path: '/v1/responses/compact', body: { model: 'tiny-a', input: items, stream: true } }

  it('waits in the queue with heartbeats and is one document', async () => {
    const { fake, url, clock } = await start()
    await using _ = fake
    fake.on(call.path, { body: COMPACTED, gate: 'slow' }).hold('slow')
    const caller = new Caller(url, call)
    await fake.waiting('slow')
    clock.advance(10_000)
    await caller.hears(' ')
    fake.release('slow')
    const answer = await caller.answer()
    expect([answer.status, answer.headers['content-type'], answer.body.trimStart(), answer.cut]).toEqual([
      ...[200, 'application/json', COMPACTED, false],
    ])
  })

  it('is a job with token counts', async () => {
    const { fake, url } = await start()
    await using _ = fake
    fake.on(call.path, { body: COMPACTED })
    const { job_id } = await submit(url, { endpoint: call.path, messages: undefined, ...call.body })
    const job = await until('it is done', async () => {
      const seen = await view(url, job_id)
      return seen.state === 'done' && seen
    })
    expect(job.usage).toEqual({ prompt_tokens: 33, completion_tokens: 2, cached_prompt_tokens: 32 })
    expect(job.result).toEqual(JSON.parse(COMPACTED))
  })

  it("passes on the target's error if it fails", async () => {
    const { fake, url } = await start()
    await using _ = fake
    fake.on(call.path, { status: 500, body: FAILED })
    const answer = await new Caller(url, call).answer()
    expect([answer.status, answer.body]).toEqual([500, FAILED])
  })
})

describe('a compaction inside /v1/responses', () => {
  const call = { path: '/v1/responses', body: triggered }

  it('gets heartbeat comments until it is done', async () => {
    const { fake, url, clock } = await start()
    await using _ = fake
    fake.on(call.path, { body: COMPLETED, gate: 'slow' }).hold('slow')
    const caller = new Caller(url, call)
    await fake.waiting('slow')
    clock.advance(10_000)
    await caller.hears(': waiting\n\n')
    fake.release('slow')
    const answer = await caller.answer()
    expect([answer.status, answer.body, answer.cut]).toEqual([200, `: waiting\n\n${COMPLETED}`, false])
  })

  it('ends as a failed response if it fails after the first heartbeat', async () => {
    const { fake, url, clock } = await start()
    await using _ = fake
    fake.on(call.path, { status: 500, body: FAILED, gate: 'slow' }).hold('slow')
    const caller = new Caller(url, call)
    await fake.waiting('slow')
    clock.advance(10_000)
    await caller.hears(': waiting\n\n')
    fake.release('slow')
    const answer = await caller.answer()
    expect(answer.body).toMatch(/event: response\.failed\ndata: .*"message":"compaction failed".*\n\n$/)
    expect(answer.cut).toBe(true)
  })
})
