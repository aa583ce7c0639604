// A target that answers 200 and nothing, as Ollama does for a picture of a model that makes none: a caller gets what it said, an
// async job has nothing to show.

import { expect, it } from 'vitest'
import { call } from '../../caller.ts'
import { FakeOllama } from '../../fake-ollama.ts'
import { startForeman } from '../../harness.ts'
import { inState, submit } from './submission.ts'

const endpoint = '/v1/images/generations'
const PICTURE = { model: 'tiny-a', prompt: 'a cat' }
const NOTHING = { status: 200, body: '' }

it('an answer of no bytes fails an async job as incomplete', async () => {
  await using fake = await FakeOllama.start()
  const { url } = await startForeman(fake)
  fake.on(endpoint, NOTHING)
  const { job_id } = await submit(url, JSON.stringify({ ...PICTURE, endpoint }))
  expect(await inState(url, job_id, 'failed')).toMatchObject({ error: { code: 'incomplete_stream' }, artifacts: [] })
})

it('an answer of no bytes is passed on to a waiting call', async () => {
  await using fake = await FakeOllama.start()
  const { url } = await startForeman(fake)
  fake.on(endpoint, NOTHING)
  const { status, body, cut } = await call(url, { path: endpoint, body: PICTURE })
  expect({ status, body, cut }).toEqual({ ...NOTHING, cut: false })
})
