// Jobs are grouped by the runner that serves them, once /api/show has described it.

import { expect, it } from 'vitest'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { call, read } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { startForeman, until } from '../harness.ts'
import { inState, probed, submit } from '../http/jobs/submission.ts'

const SHOWN = {
  modelfile: 'FROM /models/sha256-1\nTEMPLATE x\n',
  parameters: 'num_ctx 2048',
  model_info: { 'general.architecture': 'llama', 'llama.context_length': 8192 },
}

it.each([
  ['0.34.4', ['completion'], 1],
  ['0.34.4', ['embedding'], 0],
  ['0.24.0', ['completion'], 0],
])('in front of Ollama %s an embedder that can %s causes %i warnings', async (version, capabilities, times) => {
  await using fake = await FakeOllama.start({ version })
  const [embedModel = ''] = fake.models
  fake.always('/api/show', { body: JSON.stringify({ ...SHOWN, capabilities }) })
  const { url, logged } = await startForeman(fake, { config: { embedModel } })
  await probed(url)
  await until(
    'every model was asked for',
    () => fake.log.filter(({ path }) => path === '/api/show').length === fake.models.length,
  )
  await until('the last answer was read', async () => {
    const { target } = await read<StatusDocument>(url, '/status')
    return (
      target.reachable === true && logged.filter(({ msg }) => msg === 'model facts read').length === fake.models.length
    )
  })
  expect(logged.filter(({ msg }) => String(msg).startsWith('FOREMAN_EMBED_MODEL is not an embedding'))).toHaveLength(
    times,
  )
})

it('two names of one model file, and options without effect, need one load', async () => {
  await using fake = await FakeOllama.start({ version: '0.34.4' })
  const names = fake.models.filter((model) => !model.includes('embed'))
  fake.always('/api/show', { body: JSON.stringify(SHOWN) })
  const { url } = await startForeman(fake)
  await probed(url)
  const asked = () => fake.log.filter(({ path, isOver }) => path === '/api/show' && isOver).length
  await until('every model was asked for', () => asked() === fake.models.length)
  await call(url, { path: '/pause' })
  const jobs = await Promise.all(
    [{}, { num_ctx: 2048 }, { num_gpu: -1 }, {}].map((options, i) =>
      submit(url, { model: names[i % 2] ?? '', options }),
    ),
  )
  jobs.push(await submit(url, { model: names[0] ?? '', shift: false }))
  await call(url, { path: '/resume' })
  for (const { job_id } of jobs) await inState(url, job_id, 'done')
  const { counters } = await read<StatusDocument>(url, '/status')
  expect(counters.swaps).toBe(2)
  expect(asked()).toBe(fake.models.length)
})
