// Every row of the table of routes, over HTTP: each path and method gets the answer of its own handler.

import { describe, expect, it } from 'vitest'
import { hasPath } from '../../src/daemon/domain/ollama-version.ts'
import type { Method, Route } from '../../src/daemon/http/call.ts'
import { ROUTES } from '../../src/daemon/http/routes.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { startForeman } from '../harness.ts'
import { CHAT, inState, probed, submit } from './jobs/submission.ts'

type Row = readonly [method: Method, route: Route]

const NAMES: readonly Row[] = ROUTES.flatMap((route) => route.methods.map((method) => [method, route] as const))
const nameOf = ([method, { path }]: Row): string => `${method} ${path}`
/** The rows of these groups are answered with the target's bytes. */
const TARGET_GROUPS = ['queued', 'embeddings', 'show', 'direct', 'management']
const rowsOf = (isTargets: boolean): readonly Row[] =>
  NAMES.filter(([, { group }]) => TARGET_GROUPS.includes(group ?? 'own') === isTargets)

const DIGEST = `sha256:${'a'.repeat(64)}`

function formOf(path: string): FormData {
  const form = new FormData()
  form.set('model', 'tiny-a')
  form.set('prompt', 'hi')
  form.set(path.includes('audio') ? 'file' : 'image', new Blob(['bytes']), 'file')
  return form
}

function bodyOf(path: string): FormData | string {
  if (path === '/v1/audio/transcriptions' || path === '/v1/images/edits') return formOf(path)
  const model = path.includes('embed') ? 'tiny-embed' : 'tiny-a'
  return JSON.stringify({ ...CHAT, model, prompt: 'hi', input: 'hi', max_tokens: 9 })
}

describe('a route of the target', () => {
  // Image routes are not in 0.34.4, and some others not in 0.17.4.
  it.for(['0.34.4', '0.17.4'])('gets what the target answers to it, in front of Ollama %s', async (version) => {
    await using fake = await FakeOllama.start({ version })
    const { url } = await startForeman(fake, { config: { allowManagement: true, heartbeatMs: 0 } })
    await probed(url)
    for (const row of rowsOf(true)) {
      const [method, { path: pattern, group }] = row
      if (!hasPath(version, pattern)) continue
      const path = pattern.replace('{digest}', DIGEST).replace('{key}', 'key')
      const said = `{"error":"the answer to ${path}"}`
      fake.always(path, { status: 400, body: said })
      const answer = await fetch(url + path, { method, ...(method === 'POST' ? { body: bodyOf(path) } : {}) })
      expect.soft([answer.status, await answer.text()], nameOf(row)).toEqual([400, method === 'HEAD' ? '' : said])
      expect.soft(fake.requests(path).at(-1)?.method, nameOf(row)).toBe(method)
      expect.soft(answer.headers.has('x-foreman-job-id'), nameOf(row)).toBe(group === 'queued')
    }
  })
})

/** Status of the answer, and a text that only the answer of this row contains. `ID` is replaced by a finished job. */
const OWN_ANSWERS: Readonly<Record<string, readonly [status: number, holds: RegExp, path?: string]>> = {
  'GET /': [200, /^Ollama is running$/],
  'GET /api/version': [200, /^\{"version":"0\.34\.4"\}$/],
  'GET /api/tags': [200, /"name":"tiny-b:latest"/],
  'GET /api/ps': [200, /"size_vram"|^\{"models":\[\]\}$/],
  'GET /v1/models': [200, /^\{"object":"list"/],
  'GET /v1/models/{model}': [200, /^\{"id":"tiny-b"/, '/v1/models/tiny-b'],

  'GET /healthz': [200, /^\{"status":"ok","degraded":false\}$/],
  'GET /readyz': [200, /^\{"status":"ready"\}$/],
  'GET /status': [200, /"counters":\{/],
  'GET /metrics': [200, /^foreman_jobs_total/m],
  'GET /openapi.json': [200, /^\{"openapi":"3\.1\.0"/],
  'POST /pause': [200, /^\{"paused":true/],
  'POST /resume': [200, /^\{"paused":false/],
  'POST /backup': [200, /^SQLite format 3/],

  'GET /jobs': [200, /^\{"jobs":\[/],
  'POST /jobs': [202, /"urls":\{/],
  'GET /jobs/{id}': [200, /^\{"job_id":"ID"/],
  'GET /jobs/{id}/events': [200, /^\{"number":\d+,"type":"state","state":"queued"/],
  'GET /jobs/{id}/artifacts/{name}': [200, /^Hello world!$/, '/jobs/ID/artifacts/completion'],
  'POST /jobs/{id}/cancel': [200, /^\{"job_id":"ID".*"state":"done"/],
  'POST /jobs/{id}/retry': [202, /"urls":\{/],
  'POST /jobs/{id}/deliveries/{n}/redeliver': [404, /"code":"delivery_not_found"/, '/jobs/ID/deliveries/1/redeliver'],
  'DELETE /jobs/{id}': [204, /^$/],
}

const isHead = ([method]: Row): boolean => method === 'HEAD'

describe('a route of foreman', () => {
  const rows = rowsOf(false)

  it('has a row in this test for each method but HEAD', () => {
    expect(Object.keys(OWN_ANSWERS).toSorted()).toEqual(
      rows
        .filter((row) => !isHead(row))
        .map(nameOf)
        .toSorted(),
    )
  })

  it('gets its own answer, and is counted under its own path', async () => {
    await using fake = await FakeOllama.start({ version: '0.34.4' })
    const { url } = await startForeman(fake)
    await probed(url)
    const { job_id: id } = await submit(url)
    await inState(url, id, 'done')
    for (const [name, [status, holds, path]] of Object.entries(OWN_ANSWERS)) {
      for (const row of rows.filter((other) => nameOf(other).replace('HEAD', 'GET') === name)) {
        const [method, { path: pattern }] = row
        const body = name === 'POST /jobs' ? { body: JSON.stringify(CHAT) } : {}
        const answer = await fetch(url + (path ?? pattern).replace(/ID|\{id\}/, id), { method, ...body })
        const text = (await answer.text()).replaceAll(id, 'ID')
        expect.soft(answer.status, nameOf(row)).toBe(status)
        expect.soft(text, nameOf(row)).toMatch(isHead(row) ? /^$/ : holds)
      }
    }
    const metrics = await (await fetch(`${url}/metrics`)).text()
    for (const [method, { path }] of rows) {
      expect.soft(metrics).toContain(`foreman_http_requests_total{route="${path}",method="${method}"`)
    }
  })
})
