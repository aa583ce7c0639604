// The outbox: due deliveries and their order, their outcomes, and that no receiver delays another.

import { beforeEach, describe, expect, it } from 'vitest'
import { NOTHING_RESIDENT } from '../../src/daemon/domain/affinity.ts'
import { receiverOf } from '../../src/daemon/sqlite/deliveries.ts'
import type { DeliveryRequest, DeliverySettlement, Store } from '../../src/daemon/sqlite/store.ts'
import { changed, NO_LIMITS, newJob, put, take, temporaryStore, withWebhook } from './temporary-store.ts'

let store: Store

beforeEach(async () => {
  store = await temporaryStore()
})

const due = (differences: Partial<DeliveryRequest> = {}) =>
  store.dueDeliveries({ now: 5000, limit: 10, except: [], underWay: [], ...differences })

/** Job and change number of the due deliveries, in order. */
const dueNumbers = async (differences: Partial<DeliveryRequest> = {}): Promise<string[]> =>
  (await due(differences)).due.map(({ jobId, change }) => `${jobId} ${change.number}`)

const settle = (jobId: string, n: number, verdict: DeliverySettlement['verdict'], now = 5000): Promise<boolean> =>
  store.settleDelivery({ jobId, n, now, verdict })

const deliveriesOf = async (id: string) => (await store.detail(id, NOTHING_RESIDENT))?.deliveries

/** An async job whose webhook goes to `host`. */
const reporting = (id: string, host = 'hooks.lan', createdAt = 1000) =>
  put(store, { id, caller: 'none', createdAt, options: withWebhook({ webhookUrl: `http://${host}/x` }) })

/** The same, ended: three changes. */
async function over(id: string, host = 'hooks.lan', createdAt = 1000): Promise<void> {
  await reporting(id, host, createdAt)
  await take(store, { now: createdAt + 1 })
  await changed(store, id, 'completed', { now: createdAt + 2 })
}

describe('a delivery', () => {
  it('is saved with its change, for the requested states', async () => {
    await put(store, { id: 'a', caller: 'none', options: withWebhook({ webhookEvents: ['loading', 'done'] }) })
    expect(await due()).toEqual({ due: [], nextAt: null })
    await take(store, { now: 1500 })
    await changed(store, 'a', 'first_byte', { now: 1600 })
    expect(await due()).toEqual({
      due: [
        {
          change: { number: 2, state: 'loading', previous: 'queued', attempt: 1, at: 1500 },
          ...{ url: 'http://hooks.lan/a', receiver: 'hooks.lan:80', tries: 0, jobId: 'a' },
        },
      ],
      nextAt: null,
    })
    await changed(store, 'a', 'completed', { now: 1700 })
    expect((await deliveriesOf('a'))?.map(({ n, state, status, nextAt }) => [n, state, status, nextAt])).toEqual([
      [2, 'loading', 'pending', 1500],
      [4, 'done', 'pending', 1700],
    ])
  })

  it('is never saved for a job without a webhook', async () => {
    await put(store, { caller: 'none', options: withWebhook({ webhookUrl: null }) })
    expect(await store.pendingDeliveries()).toBe(0)
  })

  it('follows a clock that was set back', async () => {
    await reporting('a')
    await reporting('b', 'other.lan')
    await settle('a', 1, { kind: 'again', at: 5_600, reason: 'timeout' })
    expect(await store.recallDeliveries({ now: 5_000, setBackMs: 500 })).toBe(1)
    expect((await deliveriesOf('a'))?.[0]?.nextAt).toBe(5_100)
    expect((await deliveriesOf('b'))?.[0]?.nextAt).toBe(1_000)
    expect((await due({ except: ['other.lan:80'] })).nextAt).toBe(5_100)
  })
  it('is due at once if it is later than any delay for its tries', async () => {
    await reporting('a')
    await reporting('b')
    const hour = 3_600_000
    await settle('a', 1, { kind: 'again', at: 5_001 + hour, reason: 'not_accepted' })
    await settle('b', 1, { kind: 'again', at: 5_000 + hour, reason: 'not_accepted' })
    expect(await store.recallDeliveries({ now: 5_000, setBackMs: 0 })).toBe(1)
    expect(await dueNumbers()).toEqual(['a 1'])
  })

  it('waits for the earlier ones of its job', async () => {
    await over('a')
    expect(await dueNumbers()).toEqual(['a 1'])
    expect(await settle('a', 1, { kind: 'delivered' })).toBe(true)
    expect(await dueNumbers()).toEqual(['a 2'])
    await settle('a', 2, { kind: 'given_up', reason: 'timeout' })
    expect(await dueNumbers()).toEqual(['a 3'])
    await settle('a', 3, { kind: 'delivered' }, 6000)
    expect(await due()).toEqual({ due: [], nextAt: null })
    expect(await deliveriesOf('a')).toMatchObject([
      { status: 'delivered', tries: 1, reason: null, nextAt: null, deliveredAt: 5000 },
      { status: 'given_up', tries: 1, reason: 'timeout', nextAt: null, deliveredAt: null },
      { status: 'delivered', deliveredAt: 6000 },
    ])
    expect(await store.pendingDeliveries()).toBe(0)
  })

  it('that failed delays the later ones and is due at its time', async () => {
    await over('a')
    await settle('a', 1, { kind: 'again', at: 7000, reason: 'not_accepted' })
    expect(await due()).toEqual({ due: [], nextAt: 7000 })
    expect((await due({ now: 7000 })).due).toMatchObject([{ tries: 1, change: { number: 1 } }])
    expect((await deliveriesOf('a'))?.[0]).toMatchObject({ status: 'pending', tries: 1, reason: 'not_accepted' })
  })

  it('that was answered with 410 is the last of its job', async () => {
    await reporting('a')
    await take(store)
    expect(await settle('a', 1, { kind: 'stopped' })).toBe(true)
    await changed(store, 'a', 'completed')
    const gone = { status: 'given_up', reason: 'gone', nextAt: null }
    expect(await deliveriesOf('a')).toMatchObject([{ ...gone, tries: 1 }, { ...gone, tries: 0 }, gone])
    expect(await due()).toEqual({ due: [], nextAt: null })
  })

  it('that is not pending cannot be settled', async () => {
    await over('a')
    await settle('a', 1, { kind: 'delivered' })
    expect(await settle('a', 1, { kind: 'again', at: 1, reason: 'timeout' })).toBe(false)
    expect(await settle('a', 1, { kind: 'stopped' })).toBe(false)
    expect(await settle('a', 9, { kind: 'delivered' })).toBe(false)
    expect(await settle('nobody', 1, { kind: 'delivered' })).toBe(false)
    expect(await dueNumbers()).toEqual(['a 2'])
  })

  it('is returned again until it is settled', async () => {
    await over('a')
    expect(await dueNumbers()).toEqual(['a 1'])
    expect(await dueNumbers()).toEqual(['a 1'])
    expect(await dueNumbers({ underWay: ['a'] })).toEqual([])
    expect((await due({ underWay: ['a'] })).nextAt).toBeNull()
  })
})

describe('a repeated delivery', () => {
  it('is due at once with its tries reset, whatever its status', async () => {
    await over('a')
    await settle('a', 1, { kind: 'delivered' })
    await settle('a', 2, { kind: 'given_up', reason: 'refused_address' })
    await settle('a', 3, { kind: 'delivered' })
    expect(await store.redeliver('a', 2, 8000)).toBe(true)
    expect((await deliveriesOf('a'))?.[1]).toMatchObject({ status: 'pending', tries: 0, reason: null, nextAt: 8000 })
    expect(await dueNumbers({ now: 8000 })).toEqual(['a 2'])
  })

  it('waits for an earlier one that is still open', async () => {
    await over('a')
    await settle('a', 1, { kind: 'again', at: 9000, reason: 'timeout' })
    expect(await store.redeliver('a', 2, 8000)).toBe(true)
    expect(await due({ now: 8000 })).toEqual({ due: [], nextAt: 9000 })
  })

  it('goes before a later one that is still open, which keeps its time', async () => {
    await over('a')
    await settle('a', 1, { kind: 'delivered' })
    await settle('a', 2, { kind: 'again', at: 9000, reason: 'timeout' })
    await store.redeliver('a', 1, 8000)
    expect(await dueNumbers({ now: 10_000 })).toEqual(['a 1'])
    await settle('a', 1, { kind: 'delivered' })
    expect(await due({ now: 8500 })).toEqual({ due: [], nextAt: 9000 })
    expect(await dueNumbers({ now: 9000 })).toEqual(['a 2'])
  })

  it('is refused for an unknown delivery', async () => {
    await over('a')
    expect(await store.redeliver('a', 4, 1)).toBe(false)
    expect(await store.redeliver('nobody', 1, 1)).toBe(false)
  })
})

describe('the due deliveries', () => {
  it('start with the longest due', async () => {
    await reporting('late', 'x.lan', 3000)
    await reporting('early', 'y.lan', 2000)
    await reporting('future', 'z.lan', 6000)
    expect(await dueNumbers()).toEqual(['early 1', 'late 1'])
    expect((await due()).nextAt).toBe(6000)
  })

  it('include one delivery of each receiver before a second one of any', async () => {
    for (let at = 0; at < 20; at += 1) await reporting(`a${at}`, 'busy.lan', 1000 + at)
    await reporting('b', 'quiet.lan', 4000)
    expect(await dueNumbers({ limit: 3 })).toEqual(['a0 1', 'b 1', 'a1 1'])
    expect(await dueNumbers({ limit: 1 })).toEqual(['a0 1'])
  })

  it('exclude the given receivers and jobs', async () => {
    for (const id of ['a1', 'a2']) await reporting(id, 'a.lan')
    for (const id of ['b1', 'b2']) await reporting(id, 'b.lan')
    expect(await dueNumbers({ except: ['a.lan:80'] })).toEqual(['b1 1', 'b2 1'])
    expect(await dueNumbers({ underWay: ['a1', 'b2'] })).toEqual(['a2 1', 'b1 1'])
    expect(await due({ except: ['a.lan:80', 'b.lan:80'] })).toEqual({ due: [], nextAt: null })
  })

  it('come with the next due time, even if its receiver has another delivery due now', async () => {
    await reporting('a', 'a.lan')
    await reporting('b', 'a.lan')
    await reporting('c', 'c.lan')
    await settle('b', 1, { kind: 'again', at: 5500, reason: 'timeout' })
    await settle('c', 1, { kind: 'again', at: 5600, reason: 'timeout' })
    const { due: given, nextAt } = await due()
    expect([given.map(({ jobId }) => jobId), nextAt]).toEqual([['a'], 5500])
    // The deliveries that did not fit into this answer are due.
    expect((await due({ now: 6000, limit: 1 })).nextAt).toBe(5500)
  })

  it('exclude a receiver whose last job was deleted until it has another job', async () => {
    await over('a', 'a.lan')
    await store.delete('a')
    expect(await due()).toEqual({ due: [], nextAt: null })
    await over('b', 'a.lan')
    await over('c', 'a.lan', 1200)
    expect(await store.prune(1010, 9)).toBe(1)
    expect(await dueNumbers()).toEqual(['c 1'])
  })

  it('read no more of ten thousand than they return', { timeout: 60_000 }, async () => {
    const many = Array.from({ length: 10_000 }, (_, at) =>
      store.enqueue(
        newJob({
          ...{ id: `dead${at}`, caller: 'none', createdAt: at },
          options: withWebhook({ webhookUrl: at % 2 === 0 ? 'http://one.lan/' : `http://dead${at}.lan/` }),
        }),
        NO_LIMITS,
      ),
    )
    await Promise.all(many)
    await reporting('good', 'good.lan', 20_000)
    const dead = Array.from({ length: 5000 }, (_, at) => `dead${2 * at + 1}.lan:80`)
    expect(await dueNumbers({ now: 30_000, except: ['one.lan:80', ...dead] })).toEqual(['good 1'])
    expect((await dueNumbers({ now: 30_000, limit: 64 })).length).toBe(64)
    expect(await store.pendingDeliveries()).toBe(10_001)
  })
})

it.each([
  ['http://hooks.lan/a/b?c', 'hooks.lan:80'],
  ['https://HOOKS.lan', 'hooks.lan:443'],
  ['https://hooks.lan:80/', 'hooks.lan:80'],
  ['http://[::1]:9/', '[::1]:9'],
  ['http://hooks.lan./', 'hooks.lan:80'],
])('the receiver of %s is %s', (url, receiver) => {
  expect(receiverOf(url)).toBe(receiver)
})
