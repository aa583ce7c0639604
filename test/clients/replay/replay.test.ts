// Clients that can't be installed here: what each asks, with its headers and in its order, is asked of a real Ollama and of
// foreman in front of it, and its own parser is content with both; with foreman also after a wait in the queue.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, exchange, post } from '../../ollama/exchange.ts'
import { type Foreman, startForeman, until } from '../../ollama/foreman.ts'
import { likeness } from '../../ollama/likeness.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from '../../ollama/real-ollama.ts'
import { Tap } from '../conformance/tap.ts'
import { REPLAYED, type Replayed } from './clients.ts'

const BEATS = 3

function meets(answer: Answer, { client, what, demands }: Replayed): void {
  expect(demands.length, `${client}: ${what}`).toBeGreaterThan(0)
  for (const demand of demands) demand(answer)
}

describeWithOllama('the requests of', () => {
  let ollama: RealOllama
  let foreman: Foreman

  beforeAll(async () => {
    ollama = await startOllama()
    // Whatever the machine is busy with: no answer is begun before Ollama's own.
    foreman = await startForeman(ollama.url, { FOREMAN_HEARTBEAT: '0', FOREMAN_POLL_INTERVAL: '500ms' })
  }, FIRST_START_MS)

  afterAll(async () => {
    await foreman?.stop()
    await ollama?.stop()
  })

  test.for([...new Set(REPLAYED.map(({ client }) => client))])('%s get what they need from foreman', async (client) => {
    for (const replayed of REPLAYED.filter((other) => other.client === client)) {
      const direct = await exchange(ollama.url, replayed.call)
      meets(direct, replayed)
      const look = async () => exchange(foreman.url, replayed.call)
      // What is loaded comes from the last probe.
      const through =
        replayed.call.path === '/api/ps'
          ? await until('foreman has probed', look, (seen) => likeness(seen).body === likeness(direct).body)
          : await look()
      meets(through, replayed)
      expect(likeness(through).body, replayed.what).toBe(likeness(direct).body)
    }
  })

  test('all of them work after a wait too', async () => {
    const waiting = REPLAYED.filter(({ isQueued, call }) => isQueued && !String(call.body).includes('"keep_alive":0'))
    const patient = await startForeman(ollama.url, { FOREMAN_HEARTBEAT: '100ms' })
    const tap = await Tap.start(patient.url)
    try {
      await exchange(patient.url, post('/pause', {}))
      const asking = waiting.map(async (replayed) => ({ replayed, answer: await exchange(tap.url, replayed.call) }))
      const isBeaten = ({ answers }: Tap) => answers.filter(({ beats }) => beats >= BEATS).length === waiting.length
      await Promise.race([tap.until(isBeaten), ...asking])
      await exchange(patient.url, post('/resume', {}))
      for (const { replayed, answer } of await Promise.all(asking)) meets(answer, replayed)
      expect(tap.answers.filter(({ beats }) => beats >= BEATS).length).toBe(waiting.length)
    } finally {
      await tap.stop()
      await patient.stop()
    }
  })
})
