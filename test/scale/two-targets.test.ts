// examples/two-targets: two foremen with a target each, behind the real HAProxy and the real nginx.

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../src/daemon/runtime/clock.ts'
import { Caller, call, get } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { type Running, startForeman, temporaryFolder, until } from '../harness.ts'
import { BALANCERS, type Balancer, startBalancer } from './balancer.ts'

const MODELS = Array.from({ length: 16 }, (_, index) => `model-${index}:latest`)
const model = (index: number): string => MODELS[index % MODELS.length] as string

interface Fleet {
  readonly url: string
  readonly fakes: readonly [FakeOllama, FakeOllama]
  readonly foremen: readonly [Running, Running]
  /** The database of the first foreman. */
  readonly db: string
}

async function startFleet(balancer: Balancer, clock?: Clock): Promise<Fleet> {
  const time = clock === undefined ? {} : { clock }
  const fakes = [await startTarget(), await startTarget()] as const
  const db = join(await temporaryFolder(), 'one.db')
  const foremen = [
    await startForeman(fakes[0], { ...time, db, config: { publicUrl: 'http://127.0.0.1/one' } }),
    await startForeman(fakes[1], { ...time, config: { publicUrl: 'http://127.0.0.1/two' } }),
  ] as const
  const [one, two] = foremen.map(({ url }) => Number(new URL(url).port)) as [number, number]
  return { url: await startBalancer(balancer, [one, two]), fakes, foremen, db }
}

const startTarget = (): Promise<FakeOllama> => FakeOllama.start({ models: MODELS, slots: 1 })

const chatBody = (name: string, more: object = {}) => ({
  model: name,
  messages: [{ role: 'user', content: 'hi' }],
  ...more,
})

const modelsAt = (fake: FakeOllama): Set<string> =>
  new Set(fake.workers.map(({ body }) => (JSON.parse(body.toString()) as { model: string }).model))

for (const balancer of BALANCERS) {
  if (balancer.program === undefined)
    process.stderr.write(`\nSKIPPED, NOT PASSED: ${balancer.name} is not installed.\n\n`)

  describe.skipIf(balancer.program === undefined)(`two foremen behind ${balancer.name}`, () => {
    it('two foremen behind a balancer send each model to one target only and use both targets', async () => {
      const { url, fakes } = await startFleet(balancer)
      for (let index = 0; index < MODELS.length * 2; index++) {
        const name = model(index)
        const answer = await call(url, { path: balancer.path(name, '/api/chat'), body: chatBody(name) })
        expect(answer.body).toContain('"done":true')
      }
      const [one, two] = fakes.map(modelsAt) as [Set<string>, Set<string>]
      expect([...one].filter((name) => two.has(name))).toEqual([])
      expect(one.size + two.size).toBe(MODELS.length)
      expect(one.size).toBeGreaterThan(0)
      expect(two.size).toBeGreaterThan(0)
      expect(fakes[0].loads + fakes[1].loads).toBeLessThanOrEqual(MODELS.length * 2)
    })

    it('two foremen behind a balancer accept a body larger than what the balancer reads', async () => {
      const { url } = await startFleet(balancer)
      const long = 'x'.repeat(300_000)
      const body = `{"messages":[{"role":"user","content":"${long}"}],"model":"${model(0)}"}`
      const answer = await call(url, { path: balancer.path(model(0), '/api/chat'), body })
      expect(answer.body).toContain('"done":true')
    })

    it('two foremen behind a balancer stream an answer chunk by chunk', async () => {
      const { url, fakes } = await startFleet(balancer)
      for (const fake of fakes) fake.hold('middle')
      const caller = new Caller(url, { path: balancer.path(model(0), '/api/chat'), body: chatBody(model(0)) })
      expect(await caller.hears('"done":false')).not.toContain('"done":true')
      for (const fake of fakes) fake.release('middle')
      await caller.hears('"done":true')
    })

    it('two foremen behind a balancer give a job the address of the foreman that has it', async () => {
      const { url } = await startFleet(balancer)
      for (const index of [0, 1, 2, 3, 4, 5]) {
        const name = model(index)
        const receipt = await call(url, { path: balancer.path(name, '/jobs'), body: chatBody(name) })
        expect(receipt.status).toBe(202)
        const { urls, job_id } = JSON.parse(receipt.body) as { urls: { self: string }; job_id: string }
        const found = await get(url, new URL(urls.self).pathname, { Prefer: 'wait=60' })
        expect(JSON.parse(found.body)).toMatchObject({ job_id, state: 'done' })
      }
    })

    it('two foremen behind a balancer lose nothing if one is stopped under load', async () => {
      const { url, fakes, foremen, db } = await startFleet(balancer, systemClock)
      for (const fake of fakes) fake.hold('middle')
      const accepted: string[] = []
      const submit = async (index: number) => {
        const name = model(index)
        const receipt = await accept(url, { path: balancer.path(name, '/jobs'), body: chatBody(name) })
        accepted.push((JSON.parse(receipt) as { job_id: string }).job_id)
      }
      const chats = MODELS.map((name) => accept(url, { path: balancer.path(name, '/api/chat'), body: chatBody(name) }))
      for (let index = 0; index < MODELS.length; index++) await submit(index)
      await until('both targets have work', () => fakes.every(({ workers }) => workers.length > 0))
      const stopped = foremen[0].daemon.stop()
      for (const fake of fakes) fake.release('middle')
      await stopped
      for (let index = 0; index < MODELS.length; index++) await submit(index)
      for (const answer of await Promise.all(chats)) expect(answer).toContain('"done":true')
      const again = await startForeman(fakes[0], { db })
      expect(accepted).toHaveLength(MODELS.length * 2)
      for (const id of accepted) {
        const documents = await Promise.all(
          [again, foremen[1]].map(({ url: at }) => get(at, `/jobs/${id}`, { Prefer: 'wait=60' })),
        )
        const found = documents.filter(({ status }) => status === 200)
        expect(found.map(({ body }) => (JSON.parse(body) as { state: string }).state)).toEqual(['done'])
      }
    })
  })
}

/** Sends the request until it is accepted: after a 503 no job exists, so it is sent again. */
async function accept(url: string, request: { path: string; body: object }): Promise<string> {
  return until('the request is accepted', async () => {
    const { status, body } = await call(url, request)
    if (status === 200 || status === 202) return body
    expect([502, 503]).toContain(status)
    return false
  })
}
