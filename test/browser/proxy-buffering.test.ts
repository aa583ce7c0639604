// Reasons for the proxy settings of docs/clients.md: a proxy whose reader stops, or whose writer has not finished. Each test
// also shows the result with other settings.

import { once } from 'node:events'
import { request } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Caller, chat, get } from '../caller.ts'
import { FakeOllama, huge, type SeenRequest } from '../fake-ollama.ts'
import { type Running, startForeman, until } from '../harness.ts'
import { called, NAME, PROXIES, type ReverseProxy, startProxy } from './proxy.ts'

/** An answer that is much larger than the kernel's buffers for three connections (12 to 17 MB were seen). */
const ANSWER = 100_000_000
const HALF_BODY = Buffer.alloc(500_000, 'x')
const BLOB = `/api/blobs/sha256:${'a'.repeat(64)}`

interface BrowserSetup {
  readonly fake: FakeOllama
  readonly running: Running
  readonly url: string
}

async function setUp(proxy: ReverseProxy, edit?: (written: string) => string): Promise<BrowserSetup> {
  const fake = await FakeOllama.start()
  onTestFinished(() => fake.stop())
  const running = await startForeman(fake, { config: { hosts: [NAME], allowManagement: true } })
  return { fake, running, url: await startProxy(proxy, running, edit) }
}

/** The snippet with one line replaced. Throws if the line is missing. */
const changed = (line: string, by: string) => (written: string) => {
  if (!written.includes(line)) throw new Error(`the snippet has no "${line}"`)
  return written.replace(line, by)
}

/** Sends calls through the proxy one after the other. During each, the proxy could also have moved other bytes. */
async function turns(url: string, count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await get(url, '/api/version', called)
}

/** A caller that has read the beginning of a large answer and then stops reading. */
async function stalledReader({ fake, url }: BrowserSetup): Promise<{ caller: Caller; seen: SeenRequest }> {
  fake.on('/api/chat', huge(ANSWER))
  const caller = chat(url, 'tiny-a', {}, called)
  await caller.hears('Hello')
  await caller.stopReading()
  return { caller, seen: await fake.next('/api/chat') }
}

/** Resolves when the target can send no more bytes although the proxy was active, or when it has sent all. */
async function stuckOrOver(url: string, seen: SeenRequest): Promise<void> {
  for (let before = -1; before !== seen.written && !seen.isOver; ) {
    before = seen.written
    await turns(url, 20)
  }
}

/** The first half of an upload, and a way to send the rest. */
async function upload(url: string): Promise<() => Promise<number>> {
  const headers = { ...called, 'Content-Length': String(2 * HALF_BODY.length) }
  const sending = request(`${url}${BLOB}`, { method: 'POST', headers, agent: false })
  const answer = once(sending, 'response')
  answer.catch(() => undefined)
  onTestFinished(() => void sending.destroy())
  await new Promise<void>((taken) => sending.write(HALF_BODY, () => taken()))
  return async () => {
    sending.end(HALF_BODY)
    const [{ statusCode }] = await answer
    return statusCode
  }
}

const arrived = (fake: FakeOllama): number => fake.requests(BLOB)[0]?.body.length ?? 0

describe.each(PROXIES)('$name with the documented settings', (proxy) => {
  const tryIt = test.skipIf(proxy.program === undefined)

  tryIt('makes the target wait for a caller who reads nothing, and frees it when the caller hangs up', async () => {
    const setup = await setUp(proxy)
    const { caller, seen } = await stalledReader(setup)
    await stuckOrOver(setup.url, seen)
    expect(seen.isOver).toBe(false)
    expect(seen.written).toBeLessThan(ANSWER / 2)
    caller.hangUp()
    expect(await seen.over).toBe('aborted')
  })

  tryIt('lets an upload reach the target while it is being sent', async () => {
    const { fake, url } = await setUp(proxy)
    fake.on(BLOB, { status: 201, early: true, gate: 'blob' }).hold('blob')
    const finish = await upload(url)
    await until('half of it has come', () => arrived(fake) === HALF_BODY.length)
    const status = finish()
    await until('all of it has come', () => arrived(fake) === 2 * HALF_BODY.length)
    fake.release('blob')
    expect(await status).toBe(201)
  })
})

for (const proxy of PROXIES) {
  const tryIt = test.skipIf(proxy.program === undefined)

  if (proxy.name === 'nginx') {
    tryIt('nginx with `proxy_buffering on` makes the target wait as well: it obeys X-Accel-Buffering', async () => {
      const setup = await setUp(proxy, changed('proxy_buffering off', 'proxy_buffering on'))
      const { caller, seen } = await stalledReader(setup)
      await stuckOrOver(setup.url, seen)
      expect(seen.isOver).toBe(false)
      expect(seen.written).toBeLessThan(ANSWER / 2)
      caller.hangUp()
      expect(await seen.over).toBe('aborted')
    })

    tryIt(
      'nginx with `proxy_request_buffering on` keeps an upload to itself until it has come to its end',
      async () => {
        const { fake, url } = await setUp(proxy, changed('proxy_request_buffering off', 'proxy_request_buffering on'))
        fake.on(BLOB, { status: 201 })
        const finish = await upload(url)
        await turns(url, 50)
        expect(fake.requests(BLOB)).toEqual([])
        expect(await finish()).toBe(201)
        expect(arrived(fake)).toBe(2 * HALF_BODY.length)
      },
    )
  }

  if (proxy.name === 'Caddy') {
    tryIt('Caddy with `flush_interval -1` lets the job of a caller who has hung up run to its end', async () => {
      const open = /reverse_proxy \S+/
      const setup = await setUp(proxy, (written) => written.replace(open, '$& {\n flush_interval -1\n}'))
      const { fake, url } = setup
      fake.hold('load')
      const caller = chat(url, 'tiny-a', {}, called)
      await fake.waiting('load')
      caller.hangUp()
      await turns(url, 50)
      fake.release('load')
      expect(await fake.workers[0]?.over).toBe('ended')
    })
  }
}
