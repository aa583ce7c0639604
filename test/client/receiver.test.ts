import { createServer } from 'node:http'
import { type AddressInfo, Server } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { ForemanClient, type ReceiverOptions, type WebhookPayload } from '../../src/client/index.ts'
import { signWebhook, webhookId, webhookKey } from '../../src/protocol/webhook.ts'
import type { JobState } from '../../src/protocol/wire.ts'
import { holdPort } from '../held-port.ts'
import {
  ClientTimers,
  document,
  ID,
  json,
  openServers,
  receipt,
  type ScriptedForeman,
  scriptedForeman,
  stateEvent,
  until,
} from './scripted-foreman.ts'

const SECRET = 'a secret of some length'
const BODY = { model: 'tiny-a' }
const OTHER = '01KDWS9F3K8E6YJ5T9S1R2Q3WY'

const withReceiver = (foreman: ScriptedForeman, more: Partial<ReceiverOptions> = {}): ForemanClient =>
  new ForemanClient({ url: foreman.url, receiver: { secret: SECRET, ...more } })

const urlIn = (foreman: ScriptedForeman): string =>
  (JSON.parse(foreman.asked.findLast(({ method }) => method === 'POST')?.body ?? '') as { state_webhook_url: string })
    .state_webhook_url

interface Sending {
  readonly secret?: string | null
  readonly id?: string
  readonly at?: number
  readonly body?: string
}

/** Sends one webhook as foreman does, or with a defect. Returns the status, or `refused` if no program listens. */
async function send(
  url: string,
  sequence: number,
  state: JobState,
  sending: Sending = {},
): Promise<number | 'refused'> {
  const { secret = SECRET, id = ID, at = Date.now() } = sending
  const payload: WebhookPayload = {
    type: `job.${state}`,
    sequence,
    job_id: id,
    state,
    previous_state: null,
    timestamp: '2026-01-06T12:00:00.000Z',
    model: 'tiny-a',
    attempt: 1,
  }
  const text = sending.body ?? JSON.stringify(payload)
  const key = secret === null ? null : webhookKey(secret)
  const headers = await signWebhook({
    id: webhookId(id, sequence),
    timestamp: Math.floor(at / 1000),
    body: new TextEncoder().encode(text),
    keys: key === null ? [] : [key],
  })
  try {
    return (await fetch(url, { method: 'POST', headers: { ...headers, connection: 'close' }, body: text })).status
  } catch {
    return 'refused'
  }
}

describe('the receiver', () => {
  it('notifies of the end, and is open only while a call waits', async () => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    const servers = openServers()
    const listen = vi.spyOn(Server.prototype, 'listen')
    const handle = await withReceiver(foreman).submit(BODY)
    const result = handle.result()
    const url = urlIn(foreman)
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}$/)
    await until('it waits', () => timers.delays.includes(30_000))
    expect(await send(url, 2, 'working')).toBe(204)
    expect(foreman.looks).toBe(1)
    // If it had been closed between submit and result, it would have missed the first webhooks.
    expect(listen).toHaveBeenCalledTimes(1)
    foreman.job = document('done')
    expect(await send(url, 3, 'done')).toBe(204)
    expect(await result).toEqual(foreman.job)
    expect(await send(url, 3, 'done')).toBe('refused')
    expect(foreman.count('GET', `/jobs/${ID}/events`)).toBe(0)
    await until('all is closed', () => foreman.sockets === 0 && openServers() <= servers)
    expect(timers.delays).toEqual([])
  })

  it('closes when no call waits for its job', async () => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    const servers = openServers()
    await withReceiver(foreman).submit(BODY)
    await until('it is closed', () => openServers() <= servers && timers.delays.length === 0)
    expect(await send(urlIn(foreman), 1, 'queued')).toBe('refused')
  })

  it('is one server for all jobs of a client, at the same address', async () => {
    const foreman = await scriptedForeman()
    const client = withReceiver(foreman)
    const first = await client.submit(BODY)
    const url = urlIn(foreman)
    foreman.answers.set('POST /jobs', (_req, res) => json(res, 202, { ...receipt(), job_id: OTHER }))
    const second = await client.submit(BODY)
    expect(urlIn(foreman)).toBe(url)
    const servers = openServers()
    let other = document('working', { job_id: OTHER })
    foreman.answers.set(`GET /jobs/${OTHER}`, (_req, res) => json(res, 200, other))
    const results = [first.result(), second.result()]
    await until('both wait', () => foreman.looks === 1 && foreman.count('GET', `/jobs/${OTHER}`) === 1)
    expect(openServers()).toBeLessThanOrEqual(servers)
    foreman.job = document('done')
    expect(await send(url, 3, 'done')).toBe(204)
    await results[0]
    other = document('done', { job_id: OTHER })
    expect(await send(url, 3, 'done', { id: OTHER })).toBe(204)
    expect(await results[1]).toEqual(other)
    expect(await send(url, 3, 'done')).toBe('refused')
    const again = first.result()
    expect(await again).toEqual(foreman.job)
  })

  it('rejects webhooks that are not signed, not recent, or at another path', async () => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    const handle = await withReceiver(foreman, { secret: [SECRET, 'whsec_AAECAwQFBgcICQoLDA0ODw=='] }).submit(BODY)
    const result = handle.result()
    const url = urlIn(foreman)
    await until('it waits', () => timers.delays.includes(30_000))
    foreman.job = document('done')
    expect(await send(url, 3, 'done', { secret: null })).toBe(401)
    expect(await send(url, 3, 'done', { secret: 'another' })).toBe(401)
    expect(await send(url, 3, 'done', { at: Date.now() - 400_000 })).toBe(401)
    expect(await send(`${url}x`, 3, 'done')).toBe(404)
    expect((await fetch(url, { headers: { connection: 'close' } })).status).toBe(405)
    expect(await send(url, 3, 'done', { body: 'no JSON' })).toBe(400)
    expect([413, 'refused']).toContain(await send(url, 3, 'done', { body: 'x'.repeat(9 * 1024 ** 2) }))
    expect(foreman.looks).toBe(1)
    expect(await send(url, 3, 'done', { secret: 'whsec_AAECAwQFBgcICQoLDA0ODw==' })).toBe(204)
    expect(await result).toEqual(foreman.job)
  })

  it('accepts each webhook once, and none that is older than an earlier one', async () => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    const handle = await withReceiver(foreman).submit(BODY)
    const result = handle.result()
    const url = urlIn(foreman)
    await until('it waits', () => timers.delays.includes(30_000))
    expect(await send(url, 5, 'working')).toBe(204)
    // A state that would cause a request if the receiver accepted it.
    expect(await send(url, 5, 'done')).toBe(204)
    expect(await send(url, 4, 'done')).toBe(204)
    expect(await send(url, 6, 'done', { id: OTHER })).toBe(204)
    expect(foreman.looks).toBe(1)
    foreman.job = document('done')
    expect(await send(url, 6, 'done')).toBe(204)
    await result
    expect(foreman.looks).toBe(2)
  })

  it('reports a port that is taken, and the result comes by polling', async () => {
    const foreman = await scriptedForeman()
    const other = createServer()
    await new Promise<void>((listening) => other.listen(0, '127.0.0.1', listening))
    onTestFinished(() => void other.close())
    const { port } = other.address() as AddressInfo
    const timers = new ClientTimers()
    const problems: unknown[] = []
    const handle = await withReceiver(foreman, { port, onError: (error) => problems.push(error) }).submit(BODY)
    expect(problems).toMatchObject([{ code: 'EADDRINUSE' }])
    // The body must be the same as before, because the Idempotency-Key is.
    expect(urlIn(foreman)).toContain(`:${port}/`)
    const result = handle.result()
    await until('it polls', () => timers.delays.includes(2_000))
    foreman.job = document('done')
    timers.fire(2_000)
    expect(await result).toEqual(foreman.job)
  })

  it.each([
    ['another secret', 'some other secret', 'is not signed with receiver.secret'],
    ['no secret', null, 'the daemon has no FOREMAN_WEBHOOK_SECRET'],
  ])('warns once that the daemon has %s', async (_, secret, words) => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    const problems: unknown[] = []
    const handle = await withReceiver(foreman, { onError: (error) => problems.push(error) }).submit(BODY)
    const result = handle.result()
    await until('it waits', () => timers.delays.includes(30_000))
    expect(await send(urlIn(foreman), 1, 'queued', { secret })).toBe(401)
    expect(await send(urlIn(foreman), 2, 'working', { secret })).toBe(401)
    expect(problems).toEqual([expect.objectContaining({ message: expect.stringContaining(words) })])
    foreman.job = document('done')
    timers.fire(30_000)
    await result
  })

  it.each([undefined, '', []])('rejects the secret %j with an explanation', (secret) => {
    expect(() => new ForemanClient({ receiver: { secret } })).toThrow('FOREMAN_WEBHOOK_SECRET')
  })

  it('is not relied on if it misses an end that polling sees', async () => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    const result = (await withReceiver(foreman).submit(BODY)).result()
    await until('it waits', () => timers.delays.includes(30_000))
    foreman.job = document('working')
    timers.fire(30_000)
    await until('it polls', () => timers.delays.includes(2_000))
    foreman.job = document('done')
    timers.fire(2_000)
    expect(await result).toEqual(foreman.job)
  })

  it('may have another public address, and replaces events that are not available', async () => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    foreman.answers.set(`GET /jobs/${ID}/events`, (_req, res) => json(res, 410, { error: 'not here' }))
    const { port, release } = await holdPort()
    onTestFinished(release)
    const client = withReceiver(foreman, { port, publicUrl: 'https://home.example/hooks/' })
    const handle = await client.submit(BODY)
    const url = new URL(urlIn(foreman))
    expect(url.href).toMatch(/^https:\/\/home\.example\/hooks\/[0-9a-f]{32}$/)
    const result = handle.result({ via: 'events' })
    const here = `http://127.0.0.1:${port}${url.pathname}`
    await until('it waits', () => timers.delays.includes(30_000) && foreman.count('GET', `/jobs/${ID}/events`) === 1)
    let answer = await send(here, 2, 'working')
    while (answer === 'refused') answer = await send(here, 2, 'working')
    foreman.job = document('done')
    expect(await send(here, 3, 'done')).toBe(204)
    expect(await result).toEqual(foreman.job)
  })

  it('keeps a URL that the caller sets', async () => {
    const foreman = await scriptedForeman()
    const listen = vi.spyOn(Server.prototype, 'listen')
    const job = await withReceiver(foreman).submit(BODY, { webhookUrl: 'http://127.0.0.1:1/mine' })
    expect(urlIn(foreman)).toBe('http://127.0.0.1:1/mine')
    const result = job.result()
    await until('it listens to the events instead', () => foreman.streams.size === 1)
    expect(listen).not.toHaveBeenCalled()
    foreman.job = document('done')
    foreman.tell(stateEvent(1, 'done'))
    expect(await result).toEqual(foreman.job)
  })

  it.each([{ secret: 'whsec_!' }, { secret: '' }, { secret: SECRET, host: '0.0.0.0' }])('rejects %j', (receiver) => {
    expect(() => new ForemanClient({ receiver })).toThrow(TypeError)
  })
})
