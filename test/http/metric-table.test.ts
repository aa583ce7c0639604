// The table of metrics against a running daemon: docs/metrics.md is rendered from it.

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { MetricEntry } from '../../src/daemon/runtime/metric-entry.ts'
import { METRICS } from '../../src/daemon/runtime/metric-table.ts'
import { openStore } from '../../src/daemon/sqlite/thread.ts'
import { get } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { startForeman, temporaryFolder } from '../harness.ts'
import { mixedRun } from '../mixed-run.ts'
import { claimRequest, NO_LIMITS, newJob } from '../sqlite/temporary-store.ts'

interface Exposed {
  readonly type: string
  readonly help: string
  readonly samples: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>> }[]
}

/** Metrics of a page in the text format, by name. */
function parse(page: string): Record<string, Exposed> {
  const metrics: Record<string, { type: string; help: string; samples: Exposed['samples'][number][] }> = {}
  let last = { type: '', help: '', samples: [] as Exposed['samples'][number][] }
  for (const line of page.split('\n')) {
    const [, kind, name = '', text = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (kind === 'HELP') {
      last = { type: '', help: text, samples: [] }
      metrics[name] = last
    } else if (kind === 'TYPE') last.type = text
    else if (line !== '') {
      const [, sample = '', labels = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? []
      const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value] as const)
      last.samples.push({ name: sample, labels: Object.fromEntries(pairs) })
    }
  }
  return metrics
}

const entries = Object.values(METRICS) as MetricEntry[]

async function pageAfterMixedRun(): Promise<Record<string, Exposed>> {
  await using fake = await FakeOllama.start()
  const foreman = await startForeman(fake)
  await mixedRun(foreman.url, fake)
  return parse((await get(foreman.url, '/metrics')).body)
}

describe('the table of metrics', () => {
  it('equals what a daemon exposes after a mixed run, with type, help, labels and values', async () => {
    const exposed = await pageAfterMixedRun()
    expect(Object.keys(exposed).sort()).toEqual(entries.map(({ name }) => name).sort())
    for (const { name, type, help, labels = {} } of entries) {
      expect(exposed[name], name).toMatchObject({ type, help })
      const samples = exposed[name]?.samples ?? []
      // The event loop is measured every 100 ms, but a histogram without labels is there from the start.
      expect(samples, name).not.toEqual([])
      for (const sample of samples) {
        const own = Object.entries(sample.labels).filter(([label]) => type !== 'histogram' || label !== 'le')
        expect(own.map(([label]) => label).sort(), name).toEqual(Object.keys(labels).sort())
        for (const [label, value] of own) {
          const allowed = labels[label]
          if (typeof allowed !== 'string') expect(allowed, `${name} ${label}`).toContain(value)
        }
      }
    }
  })

  it('exposes each value of a closed label before the first event', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake)
    const exposed = parse((await get(foreman.url, '/metrics')).body)
    const closed = entries.filter(({ labels }) =>
      Object.values(labels ?? { none: '' }).every((values) => typeof values !== 'string'),
    )
    expect(closed.length).toBeGreaterThan(3)
    for (const { name, labels = {} } of closed) {
      const combinations = Object.values(labels).reduce((count, values) => count * values.length, 1)
      expect(exposed[name]?.samples, name).toHaveLength(combinations)
    }
  })

  it('has one name for each metric and a full sentence for each description', () => {
    expect(new Set(entries.map(({ name }) => name)).size).toBe(entries.length)
    for (const { help, look } of entries) for (const text of [help, look]) expect(text).toMatch(/^[A-Z01].*\.$/)
  })
})

it('jobs after a crash are counted as recovered or out of attempts', async () => {
  await using fake = await FakeOllama.start()
  const db = join(await temporaryFolder(), 'foreman.db')
  const store = await openStore({ path: db, onFatal: (error) => expect.fail(error.message) })
  await store.enqueue(newJob({ caller: 'none' }), NO_LIMITS)
  await store.claim(claimRequest())
  await store.close()
  const foreman = await startForeman(fake, { db, config: { maxAttempts: 1 } })
  const { body } = await get(foreman.url, '/metrics')
  expect(body).toContain('foreman_attempts_total{outcome="attempts_exhausted"} 1')
  expect(body).toContain('foreman_attempts_total{outcome="recovered"} 0')
})
