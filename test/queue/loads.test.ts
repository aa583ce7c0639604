// Predicted loads are compared with the loads that the target reports.

import { expect, it } from 'vitest'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { call, chat, get, read } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { startForeman } from '../harness.ts'

const LOADED = '{"model":"tiny-a","done":true,"done_reason":"stop","message":{"content":"x"},"load_duration":300000000}'

it('foreman counts loads that were predicted, that happened, and that were not predicted', async () => {
  await using fake = await FakeOllama.start()
  const { url } = await startForeman(fake)
  const ask = (model: string) => chat(url, model, { stream: false }).answer()
  await ask('tiny-a')
  await ask('tiny-a')
  await ask('tiny-b')
  fake.on('/api/chat', { body: LOADED })
  await ask('tiny-b')
  await call(url, { path: '/v1/completions', body: { model: 'tiny-b', prompt: 'x' } })
  const { counters } = await read<StatusDocument>(url, '/status')
  expect(counters.loads).toEqual({ predicted: 2, happened: 3, unforeseen: 1 })
  const { body } = await get(url, '/metrics')
  expect(
    body
      .split('\n')
      .filter((line) => line.startsWith('foreman_model_loads_total'))
      .toSorted(),
  ).toEqual([
    'foreman_model_loads_total{predicted="no",happened="no"} 1',
    'foreman_model_loads_total{predicted="no",happened="untold"} 1',
    'foreman_model_loads_total{predicted="no",happened="yes"} 1',
    'foreman_model_loads_total{predicted="yes",happened="no"} 0',
    'foreman_model_loads_total{predicted="yes",happened="untold"} 0',
    'foreman_model_loads_total{predicted="yes",happened="yes"} 2',
  ])
})
