// The client against the whole program: a real foreman on a real database, in front of a real HTTP target.

import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ForemanClient, type JobEvent } from '../../src/client/index.ts'
import { systemClock } from '../../src/daemon/runtime/clock.ts'
import { cut, FakeOllama, huge } from '../fake-ollama.ts'
import { passTime, startForeman, temporaryFolder } from '../harness.ts'
import { holdPort } from '../held-port.ts'
import { until } from './scripted-foreman.ts'

const BODY = { model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }] }

describe('a job of the client package', () => {
  it('is awaited through a restart of foreman', async () => {
    await using fake = await FakeOllama.start()
    fake.hold('middle')
    const db = join(await temporaryFolder(), 'foreman.db')
    const { port, release } = await holdPort()
    onTestFinished(release)
    const addr = { host: '127.0.0.1', port }
    const first = await startForeman(fake, { db, clock: systemClock, config: { addr, shutdownGraceMs: 0 } })
    const client = new ForemanClient({ url: first.url })
    const job = await client.submit(BODY)
    const result = job.result()
    let text = ''
    let voids = 0
    const onVoid = (): void => {
      voids++
      text = ''
    }
    const reading = (async () => {
      for await (const word of job.text({ onVoid })) text += word
    })()
    await until('it has begun', () => text !== '')
    await first.daemon.stop()
    fake.release('middle')
    await startForeman(fake, { db, clock: systemClock, config: { addr } })
    const { state, artifacts } = await result
    await reading
    expect({ state, voids }).toEqual({ state: 'done', voids: 1 })
    expect(text).toBe(artifacts.find(({ name }) => name === 'completion')?.data)
  })

  it('has its first words discarded if the target is lost during the answer', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake)
    fake.on('/api/chat', cut('rst', 1)).hold('cut')
    const job = await new ForemanClient({ url: foreman.url }).submit(BODY)
    let text = ''
    const voided: string[] = []
    const onVoid = (): void => {
      voided.push(text)
      text = ''
    }
    const reading = (async () => {
      for await (const word of job.text({ onVoid })) text += word
    })()
    await until('the first word is there', () => text !== '')
    const before = text
    fake.release('cut')
    await until('it is void', () => voided.length === 1)
    await passTime(foreman, fake, 5_000)
    await reading
    expect(voided).toEqual([before])
    expect(text).toBe((await job.get()).artifacts.find(({ name }) => name === 'completion')?.data)
  })

  it('is announced by a signed webhook if the client listens for one', async () => {
    await using fake = await FakeOllama.start()
    const secret = 'a secret of some length'
    const config = { webhookSecrets: [new TextEncoder().encode(secret)] }
    const foreman = await startForeman(fake, { clock: systemClock, config })
    fake.hold('middle')
    const job = await new ForemanClient({ url: foreman.url, receiver: { secret } }).submit(BODY)
    const result = job.result()
    await fake.waiting('middle')
    fake.release('middle')
    expect((await result).state).toBe('done')
  })

  it('is followed to its end by a slow reader, each event once', async () => {
    await using fake = await FakeOllama.start()
    fake.on('/api/chat', huge(12 * 1024 ** 2))
    const { url } = await startForeman(fake, { clock: systemClock })
    let connections = 0
    const counting: typeof fetch = (input, init) => {
      if (String(input).includes('/events')) connections++
      return fetch(input, init)
    }
    const client = new ForemanClient({ url, timeoutMs: 60_000, fetch: counting })
    const job = await client.submit(BODY)
    const events: JobEvent[] = []
    for await (const event of job.events()) {
      // The watcher reads nothing until the job is over: foreman must disconnect it, and it resumes.
      if (events.push(event) === 5) await client.job(job.id).result({ via: 'polling' })
    }
    expect(connections).toBeGreaterThan(1)
    const numbers = events.map(({ number }) => number)
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b))
    const response = (await client.artifact(job.id, 'response')).text()
    const records = events.filter(({ type }) => type === 'record')
    expect(records).toHaveLength(response.split('\n').filter((line) => line.trim() !== '').length)
    expect(events.at(-1)).toMatchObject({ type: 'state', state: 'done' })
  })
})
