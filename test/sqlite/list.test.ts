// The list of jobs with its filters and pages, and the deadlines that the store keeps.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CLOUD_AFFINITY } from '../../src/daemon/domain/affinity.ts'
import { type Job, STATES } from '../../src/daemon/domain/job.ts'
import type { JobFilter, Store } from '../../src/daemon/sqlite/store.ts'
import { changed, newest, put, take, temporaryStore, withWebhook } from './temporary-store.ts'

const A = 'tiny-a:latest'
const B = 'tiny-b:latest'

/** Jobs of every state, both callers, three models and three labels; one is at the target. */
async function mixed(): Promise<Store> {
  const store = await temporaryStore()
  const affinities = [A, B, `${A} num_ctx=8192`, CLOUD_AFFINITY]
  const labels = [null, 'x', 'y']
  for (let at = 0; at < 96; at += 1) {
    const caller = at % 5 < 3 ? 'none' : 'live'
    const options = withWebhook({ label: labels[at % 3] ?? null, webhookUrl: null })
    const affinity = affinities[at % 4] ?? A
    const { id } = await put(store, { caller, affinity, ...(caller === 'none' ? { options } : {}) })
    if (at % 7 < 2) continue
    const { job } = await take(store)
    if (at === 95) continue
    const end = (['completed', 'target_error', 'cancelled', 'connection_lost'] as const)[at % 4]
    await changed(store, job.id, end ?? 'completed', { availableAt: 10_000 + at })
    if (at % 11 === 0) await store.orphan(id, 1)
  }
  return store
}

describe('the job list of the store', () => {
  it('equals a filter over all jobs, page by page', { timeout: 60_000 }, async () => {
    const store = await mixed()
    const all = await newest(store, 1000)
    expect(new Set(all.map(({ state }) => state)).size).toBe(5)
    const filter = fc.record({
      state: fc.constantFrom(null, ...STATES),
      model: fc.constantFrom(null, A, B, 'big:cloud', 'nobody:latest'),
      label: fc.constantFrom(null, 'x', 'y', 'z'),
      limit: fc.integer({ min: 1, max: 30 }),
    })
    const modelOf = (job: Job): string => (job.model.includes(':') ? job.model : `${job.model}:latest`)
    const property = fc.asyncProperty(filter, async (wanted) => {
      const { state, model, label, limit } = wanted
      const expected = all.filter(
        (job) =>
          (state === null || job.state === state) &&
          (model === null || modelOf(job) === model) &&
          (label === null || job.options.label === label),
      )
      const found: Job[] = []
      for (let before: number | null = null; ; before = found.at(-1)?.sequence ?? 0) {
        const page: readonly Job[] = await newest(store, limit, { ...wanted, before } satisfies Partial<JobFilter>)
        expect(page.length).toBeLessThanOrEqual(limit)
        found.push(...page)
        if (page.length < limit) break
      }
      expect(found).toEqual(expected)
    })
    await fc.assert(property, { numRuns: 150 })
  })
})

describe('deadlines', () => {
  it('pass in order, each with its kind, and name the next one', async () => {
    const store = await temporaryStore()
    const wishing = (id: string, startBeforeMs: number | null, finishBeforeMs: number | null) =>
      put(store, { id, caller: 'none', createdAt: 1000, options: withWebhook({ startBeforeMs, finishBeforeMs }) })
    await wishing('none', null, null)
    await wishing('late', null, 500)
    await wishing('early', 100, null)
    await wishing('both', 200, 300)
    expect(await store.overdue(1099, 9)).toEqual({ overdue: [], nextAt: 1100 })
    const early = { id: 'early', code: 'start_before_passed', limitMs: 100 }
    const both = { id: 'both', code: 'start_before_passed', limitMs: 200 }
    expect(await store.overdue(1100, 9)).toEqual({ overdue: [early], nextAt: 1200 })
    expect(await store.overdue(1400, 9)).toEqual({ overdue: [early, both], nextAt: 1500 })
    expect(await store.overdue(9999, 1)).toMatchObject({ overdue: [early], nextAt: 1200 })
    await wishing('first', null, 50)
    expect((await store.overdue(1050, 1)).overdue.map(({ id }) => id)).toEqual(['first'])
    expect(await store.overdue(9999, 1)).toMatchObject({ overdue: [{ id: 'first' }], nextAt: 1100 })
    expect((await store.overdue(9999, 9)).overdue.map(({ id, code }) => `${id} ${code}`)).toEqual([
      'first finish_before_passed',
      'early start_before_passed',
      'both start_before_passed',
      'late finish_before_passed',
    ])
  })

  it('to start are met by the first sending, and those to finish by the end', async () => {
    const store = await temporaryStore()
    const options = withWebhook({ startBeforeMs: 10, finishBeforeMs: 20 })
    const { id } = await put(store, { caller: 'none', createdAt: 1000, options })
    await take(store, { now: 1005 })
    await changed(store, id, 'connection_lost')
    expect(await store.overdue(1015, 9)).toEqual({ overdue: [], nextAt: 1020 })
    const finish = { id, code: 'finish_before_passed', limitMs: 20 }
    expect(await store.overdue(1020, 9)).toEqual({ overdue: [finish], nextAt: null })
    await changed(store, id, 'cancelled')
    expect(await store.overdue(9999, 9)).toEqual({ overdue: [], nextAt: null })
  })
})
