import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { ApiError, AuthError, ForemanClient, UnreachableError } from '../../src/client/index.ts'
import { deadUrl } from '../cli/stand-in.ts'
import { ClientTimers, ID, json, receipt, scriptedForeman, until } from './scripted-foreman.ts'

const BODY = { model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }] }

describe('a submission', () => {
  it("returns a handle with foreman's receipt", async () => {
    const foreman = await scriptedForeman()
    const handle = await new ForemanClient({ url: foreman.url, token: 's3cret' }).submit(BODY, { label: 'x' })
    expect(handle).toMatchObject({ id: ID, receipt: receipt(), isReplayed: false })
    const [asked] = foreman.asked
    expect(JSON.parse(asked?.body ?? '')).toEqual({ ...BODY, label: 'x' })
    expect(asked?.headers).toMatchObject({ authorization: 'Bearer s3cret', 'content-type': 'application/json' })
  })

  it('is sent again with the same key if its answer was lost; another submission has another key', async () => {
    const foreman = await scriptedForeman()
    let tries = 0
    foreman.answers.set('POST /jobs', (req, res) => {
      tries++
      if (tries === 1) return void req.socket.destroy()
      if (tries === 2) return json(res, 503, { error: 'server busy', code: 'queue_full' }, { 'retry-after': '0' })
      json(res, 202, receipt(), tries === 3 ? { 'idempotent-replayed': 'true' } : {})
    })
    const client = new ForemanClient({ url: foreman.url })
    expect((await client.submit(BODY)).isReplayed).toBe(true)
    expect((await client.submit(BODY)).isReplayed).toBe(false)
    const keys = foreman.asked.map(({ headers }) => headers['idempotency-key'])
    expect(keys).toHaveLength(4)
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/)
    expect(new Set(keys.slice(0, 3)).size).toBe(1)
    expect(keys[3]).not.toBe(keys[0])
  })

  it('sends the given key', async () => {
    const foreman = await scriptedForeman()
    await new ForemanClient({ url: foreman.url }).submit(BODY, { idempotencyKey: 'night-7' })
    expect(foreman.asked[0]?.headers['idempotency-key']).toBe('night-7')
  })

  it('fails at once for a full queue if the requested wait exceeds the timeout', async () => {
    const foreman = await scriptedForeman()
    foreman.answers.set('POST /jobs', (_req, res) =>
      json(res, 503, { error: 'server busy', code: 'queue_full' }, { 'retry-after': '60' }),
    )
    const error = await new ForemanClient({ url: foreman.url }).submit(BODY).catch((it: unknown) => it)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status: 503, code: 'queue_full', retryAfterMs: 60_000 })
    expect(foreman.asked).toHaveLength(1)
  })

  it.each([
    [400, ApiError],
    [401, AuthError],
    [422, ApiError],
  ])('that is answered with %i is not sent again', async (status, kind) => {
    const foreman = await scriptedForeman()
    foreman.answers.set('POST /jobs', (_req, res) => json(res, status, { error: 'no', code: 'bad_request' }))
    const error = await new ForemanClient({ url: foreman.url }).submit(BODY).catch((it: unknown) => it)
    expect(error).toBeInstanceOf(kind)
    expect(error).toMatchObject({ status, code: 'bad_request', message: 'no' })
    expect(foreman.asked).toHaveLength(1)
  })

  it('ends after its timeout if no daemon answers', async () => {
    const timers = new ClientTimers()
    const client = new ForemanClient({ url: await deadUrl(), timeoutMs: 700 })
    await expect(client.submit(BODY)).rejects.toThrow(UnreachableError)
    expect(timers.delays).toEqual([])
  })

  it('that is aborted between two tries leaves no timer and no listener', async () => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    foreman.answers.set('POST /jobs', (_req, res) =>
      json(res, 503, { error: 'server busy' }, { 'retry-after': '30', connection: 'close' }),
    )
    const controller = new AbortController()
    const submit = new ForemanClient({ url: foreman.url, timeoutMs: 60_000 }).submit(BODY, {
      signal: controller.signal,
    })
    const outcome = submit.catch((it: unknown) => it)
    await until('the first try is over', () => foreman.asked.length === 1 && foreman.sockets === 0)
    const reason = new Error('changed my mind')
    controller.abort(reason)
    expect(await outcome).toBe(reason)
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    expect(timers.delays).toEqual([])
    expect(foreman.asked).toHaveLength(1)
  })
})
