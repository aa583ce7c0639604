// Answers of foreman in front of different versions of Ollama: each route and each name as that version has it.

import { describe, expect, test } from 'vitest'
import { knownTarget, startHttpHarness } from './http-harness.ts'
import { startSmallTarget } from './small-target.ts'

async function inFrontOf(version: string | null) {
  const target = await startSmallTarget((_seen, res) => void res.writeHead(403).end('{"error":"from the target"}'))
  const harness = await startHttpHarness(target, { config: { allowManagement: true } })
  if (version !== null) harness.status = knownTarget(0, {}, version)
  return { target, harness }
}

const ROUTES: readonly (readonly [path: string, version: string | null, isThere: boolean])[] = [
  ['/v1/responses/compact', '0.17.4', false],
  ['/v1/responses/compact', '0.33.1', false],
  ['/v1/responses/compact', '0.34.0', true],
  ['/v1/responses/compact', '0.0.0', true],
  ['/v1/responses/compact', null, true],
  ['/v1/audio/transcriptions', '0.17.4', false],
  ['/v1/audio/transcriptions', '0.20.0', true],
  ['/v1/images/generations', '0.17.4', true],
  ['/v1/images/generations', '0.32.5', true],
  ['/v1/images/generations', '0.32.6', false],
  ['/v1/images/edits', '0.34.4', false],
]

describe('a queued route', () => {
  test.each(ROUTES)('%s in front of Ollama %s is known: %s', async (path, version, isThere) => {
    const { harness, target } = await inFrontOf(version)
    const answer = await fetch(harness.url + path, { method: 'POST', body: '{' })
    if (isThere) expect(answer.status).toBe(400)
    else expect([answer.status, await answer.text()]).toEqual([404, '404 page not found'])
    expect((await fetch(harness.url + path)).status).toBe(isThere ? 405 : 404)
    expect(target.seen).toEqual([])
  })
})

describe('GET /v1/models/{model}', () => {
  test.each([
    ['nope', '0.24.0', "model 'nope' not found"],
    ['nope', '0.30.0', "model 'nope:latest' not found"],
    ['nope:7b', '0.30.0', "model 'nope:7b' not found"],
    ['NOPE:local', '0.34.4', "model 'NOPE:latest' not found"],
  ])("of %s in front of Ollama %s has that version's error", async (model, version, message) => {
    const { harness, target } = await inFrontOf(version)
    const answer = await fetch(`${harness.url}/v1/models/${model}`)
    expect([answer.status, ((await answer.json()) as { error: { message: string } }).error.message]).toEqual([
      404,
      message,
    ])
    expect(target.seen).toEqual([])
  })

  test.each([
    ['a%20b', 'invalid model name'],
    ['x:cloud:local', 'use either :local or :cloud, not both: "x:cloud:local"'],
    ['%20', 'model is required'],
  ])('of the invalid name %s is refused', async (model, message) => {
    const { harness } = await inFrontOf('0.34.4')
    const answer = await fetch(`${harness.url}/v1/models/${model}`)
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { error: { message, type: 'invalid_request_error', param: null, code: null } },
    ])
  })

  test.each(['x:cloud', 'gpt-oss:20b-cloud'])('of the cloud model %s is read from the target', async (model) => {
    const { harness, target } = await inFrontOf('0.34.4')
    const answer = await fetch(`${harness.url}/v1/models/${model}`)
    expect([answer.status, await answer.text()]).toEqual([403, '{"error":"from the target"}'])
    expect(target.seen.map(({ method, url }) => [method, decodeURIComponent(url)])).toEqual([
      ['GET', `/v1/models/${model}`],
    ])
  })

  test('of a cloud model is answered from the inventory before 0.18', async () => {
    const { harness, target } = await inFrontOf('0.17.4')
    expect((await fetch(`${harness.url}/v1/models/x:cloud`)).status).toBe(404)
    expect(target.seen).toEqual([])
  })
})

test('an older command line signs out with its key', async () => {
  const { harness, target } = await inFrontOf('0.34.4')
  await fetch(`${harness.url}/api/user/keys/c3NoLWVkMjU1MTk_x-`, { method: 'DELETE' })
  expect(target.seen.map(({ method, url }) => [method, url])).toEqual([['DELETE', '/api/user/keys/c3NoLWVkMjU1MTk_x-']])
})
