// What foreman answers for the target from its last probe: the bytes that the target itself would send.

import { describe, expect, test } from 'vitest'
import { modelAnswer, modelList, readInventory, readResident } from '../../src/daemon/domain/inventory.ts'
import { knownTarget, PS, startHttpHarness, TAGS } from './http-harness.ts'
import { answersEmpty, startSmallTarget } from './small-target.ts'

const JSON_UTF8 = 'application/json; charset=utf-8'
const MODELS =
  '{"object":"list","data":[{"id":"tiny-a:latest","object":"model","created":1795230798,"owned_by":"library"},{"id":"hf.co/some/thing:Q4","object":"model","created":1795230798,"owned_by":"some"}]}\n'

/** Path, status, content type and body, as Ollama 0.17.4 answered them. */
const ANSWERS = [
  ['/', 200, 'text/plain; charset=utf-8', 'Ollama is running'],
  ['/api/version', 200, JSON_UTF8, '{"version":"0.17.4"}'],
  ['/api/tags', 200, JSON_UTF8, TAGS],
  ['/api/ps', 200, JSON_UTF8, PS],
  ['/v1/models', 200, 'application/json', MODELS],
  [
    '/v1/models/tiny-a',
    200,
    'application/json',
    '{"id":"tiny-a","object":"model","created":1795230798,"owned_by":"library"}\n',
  ],
  [
    '/v1/models/tiny-a:latest',
    200,
    'application/json',
    '{"id":"tiny-a:latest","object":"model","created":1795230798,"owned_by":"library"}\n',
  ],
  [
    '/v1/models/TINY-A',
    200,
    'application/json',
    '{"id":"TINY-A","object":"model","created":1795230798,"owned_by":"library"}\n',
  ],
  [
    '/v1/models/nope',
    404,
    'application/json',
    '{"error":{"message":"model \'nope\' not found","type":"api_error","param":null,"code":null}}\n',
  ],
] as const

async function startServer() {
  const target = await startSmallTarget(answersEmpty)
  const harness = await startHttpHarness(target)
  harness.status = knownTarget(0)
  return { target, harness }
}

describe('an inventory answer', () => {
  test.each(ANSWERS)(
    'of %s is %i %s, byte for byte, without a request to the target',
    async (path, status, type, body) => {
      const { harness, target } = await startServer()
      const answer = await fetch(harness.url + path)
      expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([status, type, body])
      expect(target.seen).toEqual([])
      expect(harness.probed).toEqual([])
    },
  )

  test.each(['/', '/api/version', '/api/tags'])('H38 to HEAD %s has the headers of GET and no body', async (path) => {
    const { harness } = await startServer()
    const [get, head] = [await fetch(harness.url + path), await fetch(harness.url + path, { method: 'HEAD' })]
    expect([head.status, await head.text()]).toEqual([200, ''])
    for (const name of ['content-type', 'content-length']) expect(head.headers.get(name)).toBe(get.headers.get(name))
  })

  test('gives its age in whole seconds', async () => {
    const { harness } = await startServer()
    harness.clock.advance(12_999)
    for (const path of ['/api/version', '/api/tags', '/api/ps', '/v1/models', '/v1/models/tiny-a']) {
      const { headers } = await fetch(harness.url + path)
      expect([headers.get('age'), headers.get('x-foreman-target')]).toEqual(['12', null])
    }
  })

  test('keeps the last inventory while the target sleeps, and says why it is old', async () => {
    const { harness } = await startServer()
    harness.status = knownTarget(0, { reachable: false, reason: 'asleep' })
    harness.clock.advance(8 * 3_600_000)
    for (const [path, status, , body] of ANSWERS) {
      const answer = await fetch(harness.url + path)
      expect([answer.status, await answer.text()]).toEqual([status, body])
      if (path === '/' || status !== 200) continue
      expect([answer.headers.get('age'), answer.headers.get('x-foreman-target')]).toEqual(['28800', 'unreachable'])
    }
  })

  test('before the first probe has only a version', async () => {
    const { harness } = await startServer()
    harness.status = { reachable: null, since: 0, reason: null, inventory: null }
    const bodies = []
    for (const path of ['/api/version', '/api/tags', '/api/ps', '/v1/models']) {
      const answer = await fetch(harness.url + path)
      expect([answer.status, answer.headers.get('age')]).toEqual([200, null])
      bodies.push(await answer.text())
    }
    expect(bodies).toEqual(['{"version":"0.0.0"}', '{"models":[]}', '{"models":[]}', '{"object":"list","data":null}\n'])
    expect((await fetch(`${harness.url}/v1/models/tiny-a`)).status).toBe(404)
  })

  test('is available while foreman stops', async () => {
    const { harness } = await startServer()
    harness.phase = 'stopping'
    expect((await fetch(`${harness.url}/api/tags`)).status).toBe(200)
  })
})

const snapshot = (tags: string, ps = '{"models":[]}') => ({
  tags: Buffer.from(tags),
  ps: Buffer.from(ps),
  version: '0.17.4',
})
const listed = (name: string, modified: string) =>
  readInventory(snapshot(JSON.stringify({ models: [{ name, modified_at: modified }] })), 0, 0)

describe('reading an inventory', () => {
  test('keeps the documents unchanged', () => {
    const inventory = readInventory(snapshot(TAGS, PS), 5, 6)
    expect([inventory?.tags.toString(), inventory?.ps.toString(), inventory?.probedAt, inventory?.probedWall]).toEqual([
      TAGS,
      PS,
      5,
      6,
    ])
  })

  test('finds models by normalized names', () => {
    const inventory = readInventory(
      snapshot('{"models":[{"name":"Tiny-A","digest":"d","modified_at":"2026-01-01T00:00:00Z"}]}'),
      0,
      0,
    )
    expect([...(inventory?.installed ?? [])]).toEqual([
      ['tiny-a:latest', { name: 'Tiny-A', digest: 'd', modifiedAt: '2026-01-01T00:00:00Z' }],
    ])
  })

  test.each(['', 'null', '[]', '5', '"x"', '{}', '{"models":{}}', '{"models":[', '<html>'])(
    'rejects %j',
    (document) => {
      expect(readInventory(snapshot(document), 0, 0)).toBeNull()
      expect(readInventory(snapshot('{"models":[]}', document), 0, 0)).toBeNull()
      expect(readResident(Buffer.from(document))).toBeNull()
    },
  )

  test('takes null for an empty list and skips models without a name', () => {
    expect(readInventory(snapshot('{"models":null}'), 0, 0)?.installed.size).toBe(0)
    expect(readInventory(snapshot('{"models":[null,5,{},{"model":"only-model"}]}'), 0, 0)?.installed.size).toBe(1)
  })

  test('finds resident models, also in versions with fewer fields', () => {
    expect(readResident(Buffer.from(PS))).toEqual([
      {
        name: 'tiny-a:latest',
        size: 1511680,
        sizeVram: 0,
        contextLength: 2048,
        expiresAt: '2026-11-21T03:18:53.925897528Z',
      },
    ])
    expect(readResident(Buffer.from('{"models":[{"name":"x","size_vram":7}]}'))).toEqual([
      { name: 'x', size: 0, sizeVram: 7, contextLength: null, expiresAt: '' },
    ])
  })
})

describe('the list of /v1/models', () => {
  test.each([
    ['x:latest', 'library'],
    ['library/x', 'library'],
    ['me/x:latest', 'me'],
    ['hf.co/me/x:Q4_K_M', 'me'],
    ['registry.ollama.ai:443/me/x', 'me'],
  ])('has for %s the owner %s', (name, owner) => {
    expect(JSON.parse(modelList(listed(name, '2026-01-01T00:00:00Z'))).data[0].owned_by).toBe(owner)
  })

  test.each([
    ['2026-11-21T03:13:18.999999999Z', 1795230798],
    ['2026-11-21T04:13:18+01:00', 1795230798],
    ['1970-01-01T00:00:00Z', 0],
    ['1969-12-31T23:59:59.5Z', -1],
    ['0001-01-01T00:00:00Z', -62135596800],
    ['', -62135596800],
  ])('has for modified_at %j the created time %i', (modified, created) => {
    expect(JSON.parse(modelList(listed('x', modified))).data[0].created).toBe(created)
  })

  test('is null without models, as Go writes it', () => {
    expect(modelList(null)).toBe('{"object":"list","data":null}\n')
  })

  test('is 404 for a model that is not installed', () => {
    expect(modelAnswer('y', listed('x', ''))).toBeNull()
    expect(modelAnswer('x', null)).toBeNull()
  })
})
