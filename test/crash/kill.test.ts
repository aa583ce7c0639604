// kill -9 and a restart: a waiting call ends with the daemon that held its connection, and a job that kills the daemon ends
// too. test/proof covers async jobs at each step.

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { affinityOf, NOTHING_RESIDENT } from '../../src/daemon/domain/affinity.ts'
import { isFinal, type Job, type NewJob } from '../../src/daemon/domain/job.ts'
import type { Step } from '../../src/daemon/runtime/step.ts'
import { openStore } from '../../src/daemon/sqlite/thread.ts'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { chat, read } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { configFor, temporaryFolder, until } from '../harness.ts'
import { type Child, startChild } from './start-child.ts'

const LIMITS = { maxQueue: 1000, maxQueueBytes: 1 << 30 }

async function withStore<T>(
  path: string,
  use: (store: Awaited<ReturnType<typeof openStore>>) => Promise<T>,
): Promise<T> {
  const store = await openStore({ path, onFatal: (error) => expect.fail(error.message) })
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

const asyncJob = (id: string, model = 'tiny-a'): NewJob => ({
  id,
  caller: 'none',
  endpoint: '/api/chat',
  model,
  affinity: affinityOf(model),
  stream: true,
  loadOnly: false,
  contentType: 'application/json',
  contentEncoding: null,
  body: Uint8Array.from(Buffer.from(`{"model":"${model}","messages":[{"role":"user","content":"x"}]}`)),
  createdAt: 1,
  createdAwake: 0,
})

const enqueue = (db: string, ids: readonly string[]): Promise<void> =>
  withStore(db, async (store) => {
    for (const id of ids) expect((await store.enqueue(asyncJob(id), LIMITS)).kind).toBe('enqueued')
  })

const jobsIn = (db: string): Promise<readonly Job[]> =>
  withStore(db, async (store) => {
    const everything = { state: null, model: null, label: null, before: null, limit: 200 }
    return (await store.list(everything, NOTHING_RESIDENT)).map(({ job }) => job)
  })

async function stop(child: Child): Promise<void> {
  child.process.kill('SIGTERM')
  const [code] = await child.exited
  expect(code).toBe(0)
}

const ids = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `01JD00000000000000000000${String(i).padStart(2, '0')}`)

describe('a daemon killed with SIGKILL and restarted', () => {
  it('fails a job after three kills during it, and runs the others', async () => {
    await using fake = await FakeOllama.start()
    const db = join(await temporaryFolder(), 'foreman.db')
    const config = configFor(fake.url, db)
    await enqueue(db, ids(2))
    for (let life = 0; life < 3; life++) {
      const [, signal] = await (await startChild(config, 'sent')).exited
      expect(signal).toBe('SIGKILL')
    }
    const last = await startChild(config)
    await until(
      'the other one is done',
      async () => (await read<StatusDocument>(last.url, '/status')).counters.jobs['done'] === 1,
    )
    await stop(last)
    const jobs = [...(await jobsIn(db))].reverse()
    expect(jobs.map(({ state, error }) => [state, error?.code])).toEqual([
      ['failed', 'attempts_exhausted'],
      ['done', undefined],
    ])
  })

  it.each<readonly [Step, readonly string[]]>([
    ['admitted', []],
    ['enqueued', ['cancelled']],
    ['claimed', ['cancelled']],
    ['sent', ['cancelled']],
    ['first_byte', ['cancelled']],
  ])('at "%s" of a waiting call cuts the caller off and ends its job', async (step, states) => {
    await using fake = await FakeOllama.start()
    const db = join(await temporaryFolder(), 'foreman.db')
    const config = configFor(fake.url, db)
    const killed = await startChild(config, step)
    const caller = chat(killed.url)
    const [, signal] = await killed.exited
    expect(signal).toBe('SIGKILL')
    const outcome = await caller.answer().then(
      (answer) => answer.cut,
      () => true,
    )
    expect(outcome).toBe(true)
    const again = await startChild(config)
    const fresh = await chat(again.url).answer()
    expect([fresh.status, fresh.cut]).toEqual([200, false])
    await stop(again)
    const jobs = await jobsIn(db)
    expect(jobs.slice(1).map(({ state }) => state)).toEqual(states)
    expect(jobs.every(({ state }) => isFinal(state))).toBe(true)
    expect(jobs.slice(1).map(({ error }) => error?.code)).toEqual(states.map(() => 'crashed'))
  })
})

describe('a second daemon on the same database', () => {
  it('does not start: exit code 75, and the first one keeps running', async () => {
    await using fake = await FakeOllama.start()
    const db = join(await temporaryFolder(), 'foreman.db')
    const first = await startChild(configFor(fake.url, db))
    const second = await startChild(configFor(fake.url, db))
    expect(second.url).toBe('')
    const [code] = await second.exited
    expect(code).toBe(75)
    expect((await chat(first.url).answer()).status).toBe(200)
    await stop(first)
  })
})
