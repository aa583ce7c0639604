// The loop that sends webhooks, with real receivers and a stepped clock: order, retries, and dead or slow receivers that
// delay no other.

import { describe, expect, it, onTestFinished } from 'vitest'
import { createLog } from '../../src/daemon/runtime/log.ts'
import { Deliverer } from '../../src/daemon/services/deliverer.ts'
import { createAddressPolicy } from '../../src/daemon/webhooks/address-policy.ts'
import { createWebhooks } from '../../src/daemon/webhooks/post.ts'
import type { Webhooks } from '../../src/daemon/webhooks/webhooks.ts'
import { verifyWebhook } from '../../src/protocol/webhook.ts'
import { until } from '../harness.ts'
import { TestClock } from '../test-clock.ts'
import { accepts, startWebhookSink, type WebhookSink } from '../webhook-sink.ts'
import { Outbox } from './outbox.ts'

const KEY = new TextEncoder().encode('a secret')
const LIFE = ['queued', 'loading', 'working', 'done'] as const

interface StartOptions {
  readonly webhooks?: (real: Webhooks) => Webhooks
  readonly publicUrl?: string
}

function startDeliverer({ webhooks = (real) => real, publicUrl }: StartOptions = {}) {
  const clock = new TestClock()
  const outbox = new Outbox()
  const results: string[] = []
  const logged: string[] = []
  const nowhere = { names: [], addresses: [], port: 1, listensEverywhere: false }
  const settings = { webhookAllow: [], webhookDeny: [], publicUrl: null }
  const policy = createAddressPolicy(settings, nowhere, nowhere, { names: [], addresses: [] })
  const deliverer = new Deliverer({
    clock,
    random: () => 0.5,
    log: createLog({ logLevel: 'trace' }, { write: (line) => void logged.push(line) }),
    metrics: {
      inc: (_, ...[labels]) => void results.push(String(Object.values(labels ?? {}))),
      observe: () => {},
    },
    store: outbox,
    webhooks: webhooks(createWebhooks({ clock, policy: () => policy })),
    keys: [KEY],
    publicUrl: publicUrl ?? null,
  })
  onTestFinished(() => deliverer.stop())
  /** Resolves when all deliveries in flight are settled and the loop has run again. */
  const calm = async (): Promise<void> => {
    await until('nothing is on its way', () => deliverer.underWay === 0)
    const { asked } = outbox
    deliverer.wake()
    await until('it has looked', () => outbox.asked > asked && deliverer.underWay === 0)
  }
  return { clock, outbox, deliverer, results, logged, calm }
}

const told = (sink: WebhookSink): string[] => sink.seen.map(({ payload }) => `${payload.job_id} ${payload.type}`)

describe('the webhooks of a job', () => {
  it('arrive in order, one after the other, each signed for its try', async () => {
    const sink = await startWebhookSink()
    const { outbox, deliverer, clock, results, calm } = startDeliverer()
    outbox.add('J', `${sink.url}/hook`, LIFE, clock.now())
    deliverer.start()
    await calm()
    expect(told(sink)).toEqual(LIFE.map((state) => `J job.${state}`))
    expect(sink.mostAtOnce).toBe(1)
    expect(outbox.statuses('J')).toEqual(LIFE.map(() => 'delivered'))
    expect(results).toEqual(LIFE.map(() => 'delivered'))
    for (const [index, { headers, body, payload }] of sink.seen.entries()) {
      const verification = await verifyWebhook({ headers, body, keys: [KEY], now: clock.now() })
      expect(verification).toMatchObject({ kind: 'valid', id: `J-${index + 1}` })
      expect(payload).toMatchObject({
        sequence: index + 1,
        state: LIFE[index],
        previous_state: LIFE[index - 1] ?? null,
      })
    }
  })
  it('contain the result only at the end, with numbers as the target wrote them', async () => {
    const sink = await startWebhookSink()
    const { outbox, deliverer, calm } = startDeliverer({ publicUrl: 'https://gpu.example.org' })
    outbox.add('J', sink.url, LIFE)
    const text = new TextEncoder()
    outbox.details.set('J', {
      result: { json: text.encode('{"n":12345678901234567890,\n"x":1.0}') },
      artifacts: [
        { name: 'completion', contentType: 'text/plain', bytes: 5, etag: 'e', inline: text.encode('hello') },
        { name: 'response', contentType: 'application/x-ndjson', bytes: 999_999, etag: 'f', inline: null },
      ],
    })
    deliverer.start()
    await calm()
    const [first, , , last] = sink.seen
    expect(Object.keys(first?.payload ?? {})).toEqual([
      ...['type', 'sequence', 'job_id', 'state', 'previous_state', 'timestamp', 'model', 'attempt'],
    ])
    expect(Buffer.from(last?.body ?? []).toString()).toContain('"result":{"n":12345678901234567890, "x":1.0}}')
    expect(last?.payload).toMatchObject({
      artifacts: [
        { name: 'completion', data: 'hello' },
        { name: 'response', url: 'https://gpu.example.org/jobs/J/artifacts/response' },
      ],
      error: null,
      usage: null,
      timings: { run_ms: null },
    })
  })
  it('say that the result is too large to be included', async () => {
    const sink = await startWebhookSink()
    const { outbox, deliverer, calm } = startDeliverer()
    outbox.add('J', sink.url, ['done'])
    outbox.details.set('J', { result: { omitted: true } })
    deliverer.start()
    await calm()
    expect(sink.seen[0]?.payload.result_omitted).toBe(true)
    expect(sink.seen[0]?.payload).not.toHaveProperty('result')
  })
  it('wait for a failed one, which is repeated on its schedule with the same id and a new time', async () => {
    const sink = await startWebhookSink({ react: () => ({ status: 500 }) })
    const { outbox, deliverer, clock, results, calm } = startDeliverer()
    outbox.add('J', sink.url, ['queued', 'done'], clock.now())
    deliverer.start()
    await calm()
    for (const [wait, tries] of [
      [1_000, 2],
      [2_000, 3],
    ] as const) {
      clock.advance(wait - 1)
      await calm()
      expect(sink.seen).toHaveLength(tries - 1)
      clock.advance(1)
      await sink.webhook(tries)
      await calm()
    }
    sink.react = () => accepts
    clock.advance(4_000)
    await sink.webhook(5)
    await calm()
    expect(told(sink)).toEqual(['J job.queued', 'J job.queued', 'J job.queued', 'J job.queued', 'J job.done'])
    expect(new Set(sink.seen.slice(0, 4).map(({ headers }) => headers['webhook-id']))).toEqual(new Set(['J-1']))
    expect(new Set(sink.seen.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(4)
    expect(results).toEqual(['again', 'again', 'again', 'delivered', 'delivered'])
  })
  it('are given up one by one if none is accepted: after three tries, and eleven for the last', async () => {
    const sink = await startWebhookSink({ react: () => ({ status: 404 }) })
    const { outbox, deliverer, clock, calm } = startDeliverer()
    outbox.add('J', sink.url, ['queued', 'done'], clock.now())
    deliverer.start()
    await calm()
    // Advances hours in steps: the loop runs at least once a minute.
    for (let n = 0; n < 3_000 && outbox.pending > 0; n++) {
      clock.advance(Math.min(clock.nextIn ?? 60_000, 60_000))
      await calm()
    }
    expect(outbox.statuses('J')).toEqual(['given_up', 'given_up'])
    expect(told(sink)).toEqual([...Array(3).fill('J job.queued'), ...Array(11).fill('J job.done')])
  })
  it('reach the end within seconds at a receiver that refuses the earlier ones', async () => {
    const sink = await startWebhookSink({
      react: ({ payload }) =>
        payload.state === 'done' ? accepts : { status: 404, headers: { 'Retry-After': '3600' } },
    })
    const { outbox, deliverer, clock, calm } = startDeliverer()
    outbox.add('J', sink.url, LIFE, clock.now())
    deliverer.start()
    await calm()
    for (let seconds = 0; seconds < 9; seconds++) {
      clock.advance(1_000)
      await calm()
    }
    expect(outbox.statuses('J')).toEqual(['given_up', 'given_up', 'given_up', 'delivered'])
  })
  it('are repeated without data after a 413, with the same id', async () => {
    const sink = await startWebhookSink({ react: ({ body }) => (body.length > 1_000 ? { status: 413 } : accepts) })
    const { outbox, deliverer, clock, calm } = startDeliverer()
    outbox.add('J', sink.url, ['done'], clock.now())
    const text = new TextEncoder()
    outbox.details.set('J', {
      result: { json: text.encode('{"n":1}') },
      artifacts: [
        {
          name: 'completion',
          contentType: 'text/plain',
          bytes: 2_000,
          etag: 'e',
          inline: text.encode('x'.repeat(2_000)),
        },
      ],
    })
    deliverer.start()
    await calm()
    clock.advance(1_000)
    await calm()
    expect(outbox.statuses('J')).toEqual(['delivered'])
    expect(sink.seen.map(({ headers }) => headers['webhook-id'])).toEqual(['J-1', 'J-1'])
    expect(sink.seen[0]?.payload).toMatchObject({ result: { n: 1 }, artifacts: [{ name: 'completion', bytes: 2_000 }] })
    expect(sink.seen[1]?.payload).toMatchObject({
      result_omitted: true,
      artifacts: [{ name: 'completion', bytes: 2_000, url: '/jobs/J/artifacts/completion' }],
    })
    expect(sink.seen[1]?.payload).not.toHaveProperty('result')
  })
  it('do not wait for the time by which the clock was set back', async () => {
    const sink = await startWebhookSink({ react: () => ({ status: 500 }) })
    const { outbox, deliverer, clock, calm } = startDeliverer()
    outbox.add('J', sink.url, ['done'], clock.now())
    deliverer.start()
    await calm()
    clock.jump(-3_600_000)
    clock.advance(1_000)
    await sink.webhook(2)
    await calm()
    clock.advance(1_999)
    await calm()
    expect(sink.seen).toHaveLength(2)
    clock.advance(1)
    await sink.webhook(3)
  })
  it('stop when the receiver answers that it is gone', async () => {
    const sink = await startWebhookSink({
      react: ({ payload }) => ({ status: payload.state === 'loading' ? 410 : 200 }),
    })
    const { outbox, deliverer, results, calm } = startDeliverer()
    outbox.add('J', sink.url, LIFE)
    deliverer.start()
    await calm()
    expect(told(sink)).toEqual(['J job.queued', 'J job.loading'])
    expect(results).toEqual(['delivered', 'stopped'])
  })
  it('wait as long as the receiver asks', async () => {
    const busy = { status: 429, headers: { 'Retry-After': '30' } }
    const sink = await startWebhookSink({ react: () => busy })
    const { outbox, deliverer, clock, calm } = startDeliverer()
    outbox.add('J', sink.url, ['done'], clock.now())
    deliverer.start()
    await calm()
    clock.advance(29_999)
    await calm()
    expect(sink.seen).toHaveLength(1)
    clock.advance(1)
    await sink.webhook(2)
  })
  it('of a deleted job are not sent', async () => {
    const sink = await startWebhookSink()
    const { outbox, deliverer, calm } = startDeliverer()
    outbox.add('J', sink.url, LIFE)
    sink.react = () => {
      outbox.remove('J')
      return accepts
    }
    deliverer.start()
    await calm()
    expect(told(sink)).toEqual(['J job.queued'])
  })
})

describe('many receivers', () => {
  it('get at most four at once each', async () => {
    const sink = await startWebhookSink()
    const { outbox, deliverer, calm } = startDeliverer()
    outbox.add('A', sink.url)
    deliverer.start()
    await calm()
    sink.react = () => 'silence'
    for (let n = 0; n < 20; n++) outbox.add(`J${n}`, sink.url)
    deliverer.wake()
    await sink.webhook(5)
    const other = await startWebhookSink()
    outbox.add('K', other.url)
    deliverer.wake()
    await other.webhook(1)
    expect(sink.seen).toHaveLength(5)
    expect(deliverer.underWay).toBeLessThanOrEqual(5)
  })
  it('that do not answer, a hundred with a hundred webhooks each, delay no other one', async () => {
    const dead = await startWebhookSink({ react: () => 'silence' })
    const good = await startWebhookSink()
    const { outbox, deliverer, clock, calm } = startDeliverer({
      // A hundred names for one silent server. The address policy is not under test here.
      webhooks: (real) => ({
        post: (webhook, signal) =>
          real.post(
            { ...webhook, url: webhook.url.replace(/dead-\d+\.example:\d+/, `127.0.0.1:${dead.port}`) },
            signal,
          ),
      }),
    })
    outbox.add('A', good.url, ['queued'], clock.now())
    deliverer.start()
    await calm()
    for (let n = 0; n < 10_000; n++)
      outbox.add(`D${n}`, `http://dead-${n % 100}.example:1/`, ['queued'], clock.now() - 1)
    deliverer.wake()
    // Unknown receivers do not get every slot.
    await dead.webhook(24)
    for (let n = 0; n < 200; n++) outbox.add(`G${n}`, good.url, ['queued'], clock.now())
    deliverer.wake()
    await good.webhook(201)
    expect(dead.seen).toHaveLength(24)
  })
  it('that failed get webhooks as before once they answer', async () => {
    const sink = await startWebhookSink({ react: () => ({ status: 500 }) })
    const { outbox, deliverer, clock, calm } = startDeliverer()
    outbox.add('A', sink.url, ['queued'], clock.now())
    deliverer.start()
    await calm()
    for (let n = 0; n < 8; n++) outbox.add(`J${n}`, sink.url, ['queued'], clock.now())
    sink.react = () => 'silence'
    deliverer.wake()
    await sink.webhook(2)
    // One delivery checks whether the receiver is back.
    expect(deliverer.underWay).toBe(1)
    clock.advance(15_000)
    await sink.webhook(3)
    expect(deliverer.underWay).toBe(1)
    // It accepts one and then keeps silent, so that the following deliveries can be counted.
    sink.react = () => {
      sink.react = () => 'silence'
      return accepts
    }
    clock.advance(15_000)
    await sink.webhook(8)
    expect(deliverer.underWay).toBe(4)
  })
})

describe('the deliverer', () => {
  it('stops at once; webhooks under way are not settled and are sent again', async () => {
    const sink = await startWebhookSink({ react: () => 'silence' })
    const { outbox, deliverer, clock } = startDeliverer()
    outbox.add('J', sink.url, LIFE)
    deliverer.start()
    const seen = await sink.webhook(1)
    await deliverer.stop()
    await deliverer.stop()
    await until('the line is closed', () => seen.isCut)
    expect(outbox.settled).toEqual([])
    expect(clock.timers).toBe(0)
    deliverer.wake()
    expect(sink.seen).toHaveLength(1)
  })
  it('continues after an error of the store', async () => {
    const sink = await startWebhookSink()
    const { outbox, deliverer, clock, logged } = startDeliverer()
    outbox.add('J', sink.url)
    outbox.fault = new Error('no')
    deliverer.start()
    await until('it was logged', () => logged.some((line) => line.includes('continuing')))
    await clock.armed()
    clock.advance(2_000)
    await sink.webhook(1)
  })
  it('does not call a failing store in a tight loop', async () => {
    const sink = await startWebhookSink()
    const { outbox, deliverer, clock, logged } = startDeliverer()
    outbox.add('J', sink.url)
    const { settleDelivery } = outbox
    outbox.settleDelivery = () => Promise.reject(new Error('no'))
    deliverer.start()
    await until('it was logged', () => logged.some((line) => line.includes('unexpected error while a webhook')))
    await until('it waits', () => clock.nextIn === 2_000)
    expect(sink.seen).toHaveLength(1)
    outbox.settleDelivery = settleDelivery.bind(outbox)
    clock.advance(2_000)
    await sink.webhook(2)
    await until('it is settled', () => outbox.statuses('J')[0] === 'delivered')
  })
  it('checks every minute, because the wall clock may be set forward', async () => {
    const sink = await startWebhookSink()
    const { outbox, deliverer, clock, calm } = startDeliverer()
    outbox.add('J', sink.url, ['queued'], clock.now() + 6 * 3_600_000)
    deliverer.start()
    await calm()
    clock.jump(6 * 3_600_000)
    clock.advance(60_000)
    await sink.webhook(1)
  })
  it('never logs the path of a receiver or the secret', async () => {
    const sink = await startWebhookSink({ react: () => ({ status: 500, body: 'the-answer' }) })
    const { outbox, deliverer, logged, calm } = startDeliverer()
    outbox.add('J', `${sink.url}/the-path?the-query=1`)
    deliverer.start()
    await calm()
    const all = logged.join('')
    expect(all).toContain(`127.0.0.1:${sink.port}`)
    for (const secret of ['the-path', 'the-query', 'the-answer', 'a secret', 'signature'])
      expect(all).not.toContain(secret)
  })
})
