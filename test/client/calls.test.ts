import { describe, expect, it } from 'vitest'
import { ApiError, ForemanClient, UnexpectedServerError } from '../../src/client/index.ts'
import { IDLE } from '../cli/stand-in.ts'
import { document, ID, json, receipt, scriptedForeman, until } from './scripted-foreman.ts'

type Call = (client: ForemanClient) => Promise<unknown>

const CALLS: readonly (readonly [call: string, run: Call, asked: string, status: number, answer: unknown])[] = [
  ['get', (client) => client.get(ID), `GET /jobs/${ID}`, 200, document('done')],
  ['list', (client) => client.list(), 'GET /jobs', 200, { jobs: [], next: null }],
  [
    'list, filtered',
    (client) => client.list({ state: 'done', model: 'a b', label: 'ä', limit: 5, cursor: 'x=' }),
    'GET /jobs?state=done&model=a+b&label=%C3%A4&limit=5&cursor=x%3D',
    200,
    { jobs: [], next: null },
  ],
  ['cancel', (client) => client.cancel(ID), `POST /jobs/${ID}/cancel`, 202, { job_id: ID, state: 'working' }],
  ['tags', (client) => client.tags(), 'GET /api/tags', 200, { models: [{ name: 'tiny-a' }] }],
  ['ps', (client) => client.ps(), 'GET /api/ps', 200, { models: [] }],
  [
    'embed',
    (client) => client.embed({ model: 'tiny-embed', input: 'x' }),
    'POST /api/embed',
    200,
    { model: 'tiny-embed', embeddings: [[0.5]] },
  ],
  ['status', (client) => client.status(), 'GET /status', 200, IDLE],
  ['pause', (client) => client.pause(), 'POST /pause', 200, { paused: true }],
  ['resume', (client) => client.resume(), 'POST /resume', 200, { paused: false }],
  ['health', (client) => client.health(), 'GET /healthz', 200, { status: 'ok', degraded: false }],
]

describe('a client call', () => {
  it.each(CALLS)('%s sends the documented request and returns the answer', async (_, run, asked, status, answer) => {
    const foreman = await scriptedForeman()
    foreman.answers.set(asked.split('?')[0] ?? '', (_req, res) => json(res, status, answer))
    const client = new ForemanClient({ url: foreman.url })
    expect(await run(client)).toEqual(answer)
    expect(foreman.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([asked])
    await until('the socket is closed', () => foreman.sockets === 0)
    foreman.answers.set(asked.split('?')[0] ?? '', (_req, res) => json(res, 200, ['somebody else']))
    await expect(run(client)).rejects.toBeInstanceOf(UnexpectedServerError)
    foreman.answers.set(asked.split('?')[0] ?? '', (_req, res) => json(res, 409, { error: 'no', code: 'job_active' }))
    await expect(run(client)).rejects.toMatchObject({ name: 'ApiError', status: 409, code: 'job_active' })
  })

  it('get waits as long as requested and not longer', async () => {
    const foreman = await scriptedForeman()
    const delays: number[] = []
    const client = new ForemanClient({
      url: foreman.url,
      fetch: (input, init) => {
        delays.push(Number(new Headers(init?.headers).get('prefer')?.replace('wait=', '')))
        return fetch(input, init)
      },
    })
    await client.get(ID, { waitSeconds: 30 })
    expect(delays).toEqual([30])
    foreman.answers.set(`GET /jobs/${ID}`, () => undefined)
    await expect(client.get(ID, { waitSeconds: 0.1, timeoutMs: 100 })).rejects.toThrow('no answer within 200 ms')
  })

  it('delete and redeliver need no document in the answer', async () => {
    const foreman = await scriptedForeman()
    foreman.answers.set(`DELETE /jobs/${ID}`, (_req, res) => res.writeHead(204).end())
    foreman.answers.set(`POST /jobs/${ID}/deliveries/4/redeliver`, (_req, res) => json(res, 202, {}))
    const client = new ForemanClient({ url: foreman.url })
    await client.delete(ID)
    await client.redeliver(ID, 4)
    await until('the sockets are closed', () => foreman.sockets === 0)
  })

  it('retry returns a handle for the new job', async () => {
    const foreman = await scriptedForeman()
    foreman.answers.set(`POST /jobs/${ID}/retry`, (_req, res) => json(res, 202, { ...receipt(), job_id: 'NEW' }))
    const handle = new ForemanClient({ url: foreman.url }).job(ID)
    expect(await handle.retry()).toMatchObject({ id: 'NEW', receipt: { job_id: 'NEW' } })
  })

  it('jobs reads page after page and ends', async () => {
    const foreman = await scriptedForeman()
    const pages: Record<string, unknown> = {
      '/jobs?limit=2': { jobs: [document('done', { job_id: 'C' }), document('done', { job_id: 'B' })], next: 'n1' },
      '/jobs?limit=2&cursor=n1': { jobs: [document('done', { job_id: 'A' })], next: null },
    }
    foreman.answers.set('GET /jobs', (req, res) => json(res, 200, pages[req.url ?? '']))
    const client = new ForemanClient({ url: foreman.url })
    const ids: string[] = []
    for await (const { job_id } of client.jobs({ limit: 2 })) ids.push(job_id)
    expect(ids).toEqual(['C', 'B', 'A'])
    foreman.answers.set('GET /jobs', (_req, res) => json(res, 200, { jobs: [document('done')], next: 'same' }))
    const forever = (async () => {
      for await (const _ of client.jobs()) ids.push('again')
    })()
    await expect(forever).rejects.toBeInstanceOf(UnexpectedServerError)
  })

  it('artifact returns the bytes or a range of them', async () => {
    const foreman = await scriptedForeman()
    foreman.answers.set(`GET /jobs/${ID}/artifacts/completion`, (req, res) => {
      const { range } = req.headers
      const head = { 'content-type': 'text/plain; charset=utf-8', etag: '"e"' }
      if (range === undefined) res.writeHead(200, head).end('grüße')
      else if (range === 'bytes=2-3') res.writeHead(206, { ...head, 'content-range': 'bytes 2-3/7' }).end('ü')
      else json(res, 416, { error: 'outside', code: 'range_not_satisfiable' })
    })
    const client = new ForemanClient({ url: foreman.url })
    const whole = await client.artifact(ID, 'completion')
    expect(whole).toMatchObject({ contentType: 'text/plain; charset=utf-8', etag: '"e"', size: 7 })
    expect(whole.text()).toBe('grüße')
    const some = await client.artifact(ID, 'completion', { range: { from: 2, to: 3 } })
    expect(some).toMatchObject({ size: 7, bytes: new TextEncoder().encode('ü') })
    await expect(client.artifact(ID, 'completion', { range: { from: 99 } })).rejects.toBeInstanceOf(ApiError)
    await until('the sockets are closed', () => foreman.sockets === 0)
  })
})
