// Pulling, creating, copying and deleting models: refused by default, and passed through unchanged if the settings allow it.

import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Call, exchange, post } from './exchange.ts'
import { type Foreman, startForeman, until } from './foreman.ts'
import { likeness } from './likeness.ts'
import { describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from './real-ollama.ts'

const drop = (model: string): Call => ({ ...post('/api/delete', { model }), method: 'DELETE' })
const blob = Buffer.alloc(3_000_000, 'blob')
const blobPath = `/api/blobs/sha256:${createHash('sha256').update(blob).digest('hex')}`

const CALLS: readonly (readonly [what: string, call: Call])[] = [
  ['a pull', post('/api/pull', { model: 'tiny-a' })],
  ['a push', post('/api/push', { model: 'tiny-a' })],
  ['a new model', post('/api/create', { model: 'tiny-new', from: 'tiny-a' })],
  ['a copy', post('/api/copy', { source: 'tiny-a', destination: 'tiny-copy' })],
  ['a deletion', drop('tiny-a')],
  ['an upload', { method: 'POST', path: blobPath, body: blob }],
  ['a look for an upload', { method: 'HEAD', path: blobPath }],
]

describeWithOllama('managing models', () => {
  let ollama: RealOllama
  let models: string
  let closed: Foreman
  let open: Foreman

  beforeAll(async () => {
    models = await mkdtemp(join(tmpdir(), 'foreman-models-'))
    ollama = await startOllama({ OLLAMA_MODELS: models })
    closed = await startForeman(ollama.url)
    open = await startForeman(ollama.url, { FOREMAN_ALLOW_MANAGEMENT: 'true' })
  }, FIRST_START_MS)

  afterAll(async () => {
    await closed?.stop()
    await open?.stop()
    await ollama?.stop()
    if (models !== undefined) await rm(models, { recursive: true, force: true })
  })

  const tags = async (base: string) => (await exchange(base, { method: 'GET', path: '/api/tags' })).body.toString()

  test.for(CALLS)('%s is refused, and the error says how to allow it', async ([, call]) => {
    const before = await tags(ollama.url)
    const answer = await exchange(closed.url, call)
    expect(answer.status).toBe(403)
    if (call.method !== 'HEAD') expect(JSON.parse(answer.body.toString()).error).toContain('FOREMAN_ALLOW_MANAGEMENT')
    expect(await tags(ollama.url)).toBe(before)
  })

  test('an allowed copy is in the list, and deleting it removes it', async () => {
    const copied = await exchange(open.url, post('/api/copy', { source: 'tiny-a', destination: 'tiny-copy' }))
    expect([copied.status, copied.body.length]).toEqual([200, 0])
    await until(
      'foreman lists it',
      () => tags(open.url),
      (seen) => seen.includes('tiny-copy'),
    )
    expect(await tags(open.url)).toBe(await tags(ollama.url))
    const dropped = await exchange(open.url, drop('tiny-copy'))
    expect([dropped.status, dropped.body.length]).toEqual([200, 0])
    await until(
      'foreman no longer lists it',
      () => tags(open.url),
      (seen) => !seen.includes('tiny-copy'),
    )
  })

  test('a model created through foreman can be used through foreman at once', async () => {
    const created = await exchange(
      open.url,
      post('/api/create', { model: 'tiny-made', from: 'tiny-a', system: 'brief' }),
    )
    expect(created.status).toBe(200)
    expect(created.body.toString()).toMatch(/\{"status":"success"\}\n$/)
    const asked = await exchange(open.url, post('/api/generate', { model: 'tiny-made', prompt: 'hi', stream: false }))
    expect(asked.status).toBe(200)
    expect((await exchange(open.url, drop('tiny-made'))).status).toBe(200)
  })

  test('an upload arrives complete and is found again', async () => {
    expect((await exchange(open.url, { method: 'HEAD', path: blobPath })).status).toBe(404)
    expect((await exchange(open.url, { method: 'POST', path: blobPath, body: blob, chunked: true })).status).toBe(201)
    expect((await exchange(ollama.url, { method: 'HEAD', path: blobPath })).status).toBe(200)
    expect((await exchange(open.url, { method: 'HEAD', path: blobPath })).status).toBe(200)
  })

  const WRONG: readonly (readonly [what: string, status: number, call: Call])[] = [
    [
      'an upload that is not what it says',
      400,
      { method: 'POST', path: `/api/blobs/sha256:${'0'.repeat(64)}`, body: 'x' },
    ],
    ['a look for an upload that never was', 404, { method: 'HEAD', path: `/api/blobs/sha256:${'1'.repeat(64)}` }],
    ['a copy of nothing', 404, post('/api/copy', { source: 'nope', destination: 'other' })],
    ['a deletion of nothing', 404, drop('nope')],
    ['a deletion without a name', 400, { method: 'DELETE', path: '/api/delete' }],
    ['a new model without a base', 400, post('/api/create', { model: 'tiny-none' })],
    // No program listens on port 1 of this machine, and no other address is contacted.
    ['a pull from where nobody is', 200, post('/api/pull', { model: 'http://127.0.0.1:1/x/y', insecure: true })],
    ['a push to where nobody is', 200, post('/api/push', { model: 'http://127.0.0.1:1/x/y', insecure: true })],
    ['a pull of a bad name', 400, post('/api/pull', { model: 'a b' })],
  ]

  test.for(WRONG)('%s is answered as by Ollama', async ([, status, call]) => {
    const direct = likeness(await exchange(ollama.url, call))
    expect(direct.status, direct.body).toBe(status)
    expect(likeness(await exchange(open.url, call))).toEqual(direct)
  })
})
