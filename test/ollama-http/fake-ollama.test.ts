// The fake behaves like the real Ollama where foreman depends on it: loads, evictions, pins, sleep.

import { expect, onTestFinished, test } from 'vitest'
import { FakeOllama, type FakeOptions, stalls } from '../fake-ollama.ts'
import type { CollectingSink } from './collecting-sink.ts'
import { chat, fakeAndTarget, jsonRequest, sendDirect, sendJob, targetAt } from './with-target.ts'

const run = async (target: ReturnType<typeof targetAt>, request = chat()): Promise<CollectingSink> => {
  const { sink, exchange } = sendJob(target, request)
  await exchange.settled
  return sink
}

const chatWith = (model: string, more: object = {}) =>
  jsonRequest('/api/chat', { model, messages: [{ role: 'user', content: 'hi' }], ...more })

async function loadsOf(options: FakeOptions, ...requests: ReturnType<typeof chat>[]): Promise<string[]> {
  const { fake, target } = await fakeAndTarget(options)
  for (const request of requests) await run(target, request)
  return fake.memory.loads.map(({ model, numCtx }) => `${model} ${numCtx}`)
}

test('models that alternate in one slot are loaded each time', async () => {
  const turns = [chat('tiny-a'), chat('tiny-b'), chat('tiny-a')]
  expect(await loadsOf({ slots: 1 }, ...turns)).toEqual([
    'tiny-a:latest 4096',
    'tiny-b:latest 4096',
    'tiny-a:latest 4096',
  ])
  expect((await loadsOf({ slots: 2 }, ...turns)).length).toBe(2)
})

test('another num_ctx causes a load, and a missing one does not', async () => {
  const small = chatWith('tiny-a', { options: { num_ctx: 512 } })
  expect(await loadsOf({}, chat(), chat(), small, small, chat())).toEqual(['tiny-a:latest 4096', 'tiny-a:latest 512'])
})

test('the model with the shortest keep_alive is evicted, so a pinned embedder stays', async () => {
  const { fake, target } = await fakeAndTarget({ slots: 2 })
  await target.warm('tiny-embed')
  await run(target, chatWith('tiny-a', { keep_alive: '30m' }))
  await run(target, chatWith('tiny-b', { keep_alive: '30m' }))
  expect(fake.memory.models).toEqual(['tiny-embed:latest', 'tiny-b:latest'])
})

test('a model in use is not evicted: the other one waits', async () => {
  const { fake, target } = await fakeAndTarget({ slots: 1 })
  fake.hold('middle')
  const { sink, exchange } = sendJob(target)
  await sink.got(1)
  const { sink: embedding } = sendDirect(target, jsonRequest('/api/embed', { model: 'tiny-embed', input: 'x' }))
  await fake.next('/api/embed')
  expect(fake.memory.models).toEqual(['tiny-a:latest'])
  fake.release('middle')
  await exchange.settled
  await embedding.ended
  expect(fake.memory.models).toEqual(['tiny-embed:latest'])
})

test('a load is discarded if its caller leaves', async () => {
  const { fake, target } = await fakeAndTarget()
  fake.hold('load')
  const { exchange } = sendJob(target)
  await fake.waiting('load')
  const request = await fake.next('/api/chat')
  exchange.abort()
  await request.over
  fake.release('load')
  await run(target, chat('tiny-b'))
  expect(fake.memory.models).toEqual(['tiny-b:latest'])
})

test('a request without a prompt loads or unloads', async () => {
  const { fake, target } = await fakeAndTarget()
  expect((await run(target, jsonRequest('/api/generate', { model: 'tiny-a' }))).text).toContain('"done_reason":"load"')
  expect(fake.memory.models).toEqual(['tiny-a:latest'])
  const unload = jsonRequest('/api/chat', { model: 'tiny-a', keep_alive: 0 })
  expect((await run(target, unload)).text).toContain('"done_reason":"unload"')
  expect(fake.memory.models).toEqual([])
})

test('a sleeping fake answers nothing, and everything when it wakes', async () => {
  const { fake, target } = await fakeAndTarget()
  await run(target)
  fake.sleep()
  const job = sendJob(target)
  const direct = sendDirect(target, { method: 'GET', path: '/api/version', headers: {}, body: null })
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect([job.sink.calls, direct.sink.calls]).toEqual([[], []])
  fake.wake()
  expect(await job.sink.ended).toEqual({ kind: 'end' })
  expect(await direct.sink.ended).toEqual({ kind: 'end' })
})

test('a restarted fake has the same address and no models', async () => {
  const { fake, target } = await fakeAndTarget()
  await run(target)
  const { url } = fake
  await fake.down()
  await fake.up()
  expect(fake.url).toBe(url)
  // The end of the old connection may not have arrived yet. The ping before a job finds that out.
  while ((await target.ping(5_000)).kind === 'unreachable');
  expect((await run(target)).calls).toEqual(['head', 'data', 'end'])
  expect(fake.loads).toBe(2)
})

test('two worker requests at once are recorded as an overlap', async () => {
  const fake = await FakeOllama.start()
  onTestFinished(() => fake.stop())
  fake.always('/api/chat', stalls())
  sendJob(targetAt(fake.url))
  sendJob(targetAt(fake.url))
  await fake.seen(2)
  await fake.settled()
  expect(fake.overlaps).toEqual([[0, 1]])
})
