// /api/show: forwarded to the target while it answers, answered from memory while it sleeps.

import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { showKey } from '../../src/daemon/http/ollama/show.ts'
import { ShownModels } from '../../src/daemon/http/ollama/shown-models.ts'
import { until } from '../harness.ts'
import { type HttpHarness, knownTarget, startHttpHarness } from './http-harness.ts'
import { type SmallTarget, startSmallTarget } from './small-target.ts'

const SHOWN = '{"details":{"family":"llama"},"capabilities":["completion"],"model_info":{"a.b":1}}'

async function startServer(): Promise<{
  harness: HttpHarness
  target: SmallTarget
  answer: { status: number; body: string; hold: boolean }
  held: ServerResponse[]
}> {
  const answer = { status: 200, body: SHOWN, hold: false }
  const held: ServerResponse[] = []
  const target = await startSmallTarget((_seen, res) => {
    if (answer.hold) return void held.push(res)
    res
      .writeHead(answer.status, { 'Content-Type': 'application/json; charset=utf-8', 'X-Of-Target': 'yes' })
      .end(answer.body)
  })
  const harness = await startHttpHarness(target)
  harness.status = knownTarget(0)
  return { harness, target, answer, held }
}

const show = (harness: HttpHarness, body: object): Promise<Response> =>
  fetch(`${harness.url}/api/show`, { method: 'POST', body: JSON.stringify(body) })

const away = knownTarget(0, { reachable: false })

test('the answer of /api/show is read from the target each time', async () => {
  const { harness, target, answer } = await startServer()
  const first = await show(harness, { model: 'tiny-a' })
  expect([first.status, await first.text(), first.headers.get('x-of-target')]).toEqual([200, SHOWN, 'yes'])
  answer.body = '{"changed":true}'
  expect(await (await show(harness, { model: 'tiny-a' })).text()).toBe('{"changed":true}')
  expect(target.seen.map(({ body }) => body.toString())).toEqual(['{"model":"tiny-a"}', '{"model":"tiny-a"}'])
})

test('the last answer of /api/show is returned with its age while the target sleeps', async () => {
  const { harness, target } = await startServer()
  await (await show(harness, { model: 'tiny-a' })).text()
  harness.status = away
  harness.clock.advance(5_000)
  const kept = await show(harness, { model: 'tiny-a' })
  expect([kept.status, await kept.text()]).toEqual([200, SHOWN])
  expect(kept.headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect([kept.headers.get('age'), kept.headers.get('x-foreman-target')]).toEqual(['5', 'unreachable'])
  expect(target.seen).toHaveLength(1)
})

test.each([
  ['by its old key', { name: 'tiny-a' }],
  ['as the command line asks', { model: '', name: 'tiny-a' }],
  ['by its full name', { model: 'registry.ollama.ai/library/tiny-a:latest' }],
  ['in other letters', { model: 'Tiny-A:Latest' }],
  ['with the default said', { model: 'tiny-a', verbose: false, template: 'ignored' }],
])('/api/show of %s is the same model', async (_name, body) => {
  const { harness } = await startServer()
  await (await show(harness, { model: 'tiny-a' })).text()
  harness.status = away
  expect((await show(harness, body)).status).toBe(200)
})

test.each([
  ['another model', { model: 'hf.co/some/thing:Q4' }],
  ['more words', { model: 'tiny-a', verbose: true }],
  ['another system prompt', { model: 'tiny-a', system: 'x' }],
  ['other options', { model: 'tiny-a', options: { num_ctx: 5 } }],
  ['a key that Ollama folds', { model: 'tiny-a', Verbose: true }],
  ['a model that is not installed', { model: 'nope' }],
  ['no model', {}],
])('/api/show with %s is another request: a 502 while the target sleeps', async (_name, body) => {
  const { harness } = await startServer()
  await (await show(harness, { model: 'tiny-a' })).text()
  harness.status = away
  const answer = await show(harness, body)
  expect([answer.status, answer.headers.get('x-foreman-error')]).toEqual([502, 'target_unreachable'])
})

test('an error of /api/show is passed on and not kept', async () => {
  const { harness, answer } = await startServer()
  answer.status = 404
  answer.body = `{"error":"model 'tiny-a' not found"}`
  const error = await show(harness, { model: 'tiny-a' })
  expect([error.status, await error.text()]).toEqual([404, answer.body])
  harness.status = away
  expect((await show(harness, { model: 'tiny-a' })).status).toBe(502)
})

test('an error of /api/show does not replace the kept answer', async () => {
  const { harness, answer } = await startServer()
  await (await show(harness, { model: 'tiny-a' })).text()
  answer.status = 500
  await (await show(harness, { model: 'tiny-a' })).text()
  harness.status = away
  expect(await (await show(harness, { model: 'tiny-a' })).text()).toBe(SHOWN)
})

test('a kept answer is not used for a model whose digest has changed', async () => {
  const { harness } = await startServer()
  await (await show(harness, { model: 'tiny-a' })).text()
  const { inventory } = away
  if (inventory === null) throw new Error('no inventory')
  const installed = new Map([...inventory.installed].map(([name, model]) => [name, { ...model, digest: 'new' }]))
  harness.status = { ...away, inventory: { ...inventory, installed } }
  expect((await show(harness, { model: 'tiny-a' })).status).toBe(502)
})

test('a target that fell asleep after the last probe costs a second, not the answer', async () => {
  const { harness, answer, held } = await startServer()
  await (await show(harness, { model: 'tiny-a' })).text()
  answer.hold = true
  const asking = show(harness, { model: 'tiny-a' })
  await until('the target was asked', () => held.length === 1)
  harness.clock.advance(1_000)
  expect(await (await asking).text()).toBe(SHOWN)
  await until('the question is withdrawn', () => held[0]?.destroyed)
})

test('a target that went down after the last probe costs no time', async () => {
  const { harness, target } = await startServer()
  await (await show(harness, { model: 'tiny-a' })).text()
  await target.close()
  expect(await (await show(harness, { model: 'tiny-a' })).text()).toBe(SHOWN)
  expect(harness.probed).toContain('direct')
  await until('nothing is left to wait for', () => harness.clock.timers === 0)
})

describe('the cache of /api/show', () => {
  const kept = (bytes: number) => ({ headers: [], body: Buffer.alloc(bytes), at: 0 })

  test('keeps the last 64 answers by use', () => {
    const shown = new ShownModels()
    for (let i = 0; i < 64; i += 1) shown.keep(`k${i}`, kept(10))
    shown.get('k0')
    shown.keep('k64', kept(10))
    expect([shown.get('k0'), shown.get('k1'), shown.get('k64')].map((entry) => entry !== null)).toEqual([
      true,
      false,
      true,
    ])
  })

  test('keeps at most 8 MiB', () => {
    const shown = new ShownModels()
    for (let i = 0; i < 5; i += 1) shown.keep(`k${i}`, kept(2 * 1024 * 1024))
    expect(['k0', 'k1', 'k4'].map((key) => shown.get(key) !== null)).toEqual([false, true, true])
    shown.keep('huge', kept(9 * 1024 * 1024))
    expect(shown.get('huge')).toBeNull()
    expect(shown.get('k4')).not.toBeNull()
  })

  test('is updated by newer answers', () => {
    const shown = new ShownModels()
    for (let i = 0; i < 100; i += 1) shown.keep('k', kept(1024 * 1024))
    expect(shown.get('k')?.body.length).toBe(1024 * 1024)
  })

  test.each(['', 'nonsense', '[]', 'null', '"tiny-a"', '{"model":5}', '{"model":"tiny-a","MODEL":"b"}'])(
    'is empty for %j',
    (body) => {
      expect(showKey(Buffer.from(body), knownTarget(0))).toBeNull()
    },
  )
})
