// The answers of foreman's own routes match the schemas of the OpenAPI document. The schemas are closed here: an
// undescribed key fails.

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { afterAll, expect, it } from 'vitest'
import { openApiDocument } from '../../src/daemon/http/own/openapi/document.ts'
import { match, ROUTES } from '../../src/daemon/http/routes.ts'
import { type Answer, type Call, call } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { passTime, type Running, startForeman, until } from '../harness.ts'
import { CHAT, inState, probed, submit } from '../http/jobs/submission.ts'
import { startWebhookSink } from '../webhook-sink.ts'

const document = openApiDocument(ROUTES)
const ajv = new Ajv2020({ strict: false, allErrors: true })
addFormats.default(ajv)
ajv.addSchema(closed(document) as object, 'foreman')

/** Closes each object schema that lists its keys. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  return 'properties' in schema && !('additionalProperties' in schema) ? { ...copy, additionalProperties: false } : copy
}

const validators = new Map<string, ValidateFunction>()

function problemsOf(schema: string, value: unknown): unknown[] {
  const validate = validators.get(schema) ?? ajv.compile({ $ref: `foreman#/components/schemas/${schema}` })
  validators.set(schema, validate)
  return validate(value) ? [] : (validate.errors ?? [])
}

const seen = new Set<string>()

/** Sends a request. Fails unless the answer is described and its document is valid. */
async function valid(url: string, asked: Call, ...statuses: number[]): Promise<Answer> {
  const answer = await call(url, asked)
  const { method = 'POST', path = '' } = asked
  const { status } = answer
  expect(statuses, `${method} ${path}`).toContain(status)
  const found = match(method, path.split('?', 1)[0] ?? '')
  if (found.kind !== 'route') throw new Error(`${method} ${path} is not a route`)
  seen.add(`${method} ${found.route.path}`)
  const responses = document.paths[found.route.path]?.[method.toLowerCase()]?.responses as Readonly<
    Record<number, { $ref?: string; content?: Readonly<Record<string, { schema: { $ref?: string } }>> }>
  >
  const response = responses[status]
  const name = response?.$ref === undefined ? response?.content?.['application/json']?.schema.$ref : ERROR
  const schema = name?.split('/').at(-1)
  if (schema !== undefined && method !== 'HEAD') expect(problemsOf(schema, JSON.parse(answer.body))).toEqual([])
  return answer
}

const ERROR = '#/components/schemas/Error'
const idOf = ({ body }: Answer): string => (JSON.parse(body) as { job_id: string }).job_id

async function start(fake: FakeOllama): Promise<Running> {
  const foreman = await startForeman(fake)
  await probed(foreman.url)
  return foreman
}

it('every answer about jobs is described: submitted, waiting, running, done, cancelled, failed, deleted', async () => {
  await using fake = await FakeOllama.start()
  const sink = await startWebhookSink()
  const foreman = await start(fake)
  const { url } = foreman
  await valid(url, { path: '/pause', body: { for: '1h' } }, 200)
  const hooked = await valid(url, { path: '/jobs', body: { ...CHAT, state_webhook_url: sink.url, label: 'a' } }, 202)
  const waiting = await valid(url, { path: '/jobs', body: CHAT }, 202)
  const id = idOf(hooked)
  for (const path of [`/jobs/${id}`, '/jobs?limit=1', '/status']) await valid(url, { method: 'GET', path }, 200)
  await valid(url, { path: `/jobs/${id}/retry` }, 409)
  await valid(url, { method: 'DELETE', path: `/jobs/${id}` }, 409)
  await valid(url, { path: `/jobs/${idOf(waiting)}/cancel` }, 200)
  fake.hold('middle')
  await valid(url, { path: '/resume' }, 200)
  await inState(url, id, 'working')
  for (const path of [`/jobs/${id}`, '/status']) await valid(url, { method: 'GET', path }, 200)
  fake.release('middle')
  await inState(url, id, 'done')
  await passTime(foreman, fake, 1_000)
  await until('the webhooks came', () => sink.seen.length >= 3)
  const paths = ['', '/events', '/artifacts/completion', '/artifacts/response'].map((rest) => `/jobs/${id}${rest}`)
  for (const path of [...paths, '/jobs']) {
    await valid(url, { method: 'GET', path }, 200)
    await valid(url, { method: 'HEAD', path }, 200)
  }
  const events = (await valid(url, { method: 'GET', path: `/jobs/${id}/events` }, 200)).body
  const lines = events.trim().split('\n')
  expect(lines.length).toBeGreaterThan(3)
  expect(lines.flatMap((line) => problemsOf('JobEvent', JSON.parse(line)))).toEqual([])
  await valid(url, { method: 'GET', path: `/jobs/${id}/artifacts/completion`, headers: { Range: 'bytes=0-1' } }, 206)
  await valid(url, { method: 'GET', path: `/jobs/${id}/artifacts/poem` }, 404)
  await valid(url, { path: `/jobs/${id}/deliveries/1/redeliver` }, 202)
  await valid(url, { path: `/jobs/${id}/deliveries/99/redeliver` }, 404)
  await valid(url, { path: `/jobs/${id}/retry` }, 202)
  await valid(url, { path: '/jobs', body: CHAT, headers: { Prefer: 'wait=60' } }, 200)
  await valid(url, { method: 'DELETE', path: `/jobs/${id}` }, 204)
  await valid(url, { method: 'GET', path: `/jobs/${id}` }, 404)
  await valid(url, { path: '/jobs', body: { model: 'nope' } }, 404)
  await valid(url, { path: '/jobs', body: { model: 'tiny-a', label: 1 } }, 400)
})

it('the answer to cancelling a running job is described', async () => {
  await using fake = await FakeOllama.start()
  const { url } = await start(fake)
  fake.hold('middle')
  const { job_id } = await submit(url)
  await inState(url, job_id, 'working')
  // The job may have ended before the answer.
  await valid(url, { path: `/jobs/${job_id}/cancel` }, 202, 200)
  await inState(url, job_id, 'cancelled')
  await valid(url, { method: 'GET', path: `/jobs/${job_id}` }, 200)
})

it('every answer about the daemon is described', async () => {
  await using fake = await FakeOllama.start()
  const { url } = await start(fake)
  for (const path of ['/healthz', '/readyz', '/status', '/metrics', '/openapi.json']) {
    await valid(url, { method: 'GET', path }, 200)
    await valid(url, { method: 'HEAD', path }, 200)
  }
  await valid(url, { path: '/pause', body: { unload: true } }, 200)
  await valid(url, { path: '/pause', body: { unload: 1 } }, 400)
  await valid(url, { path: '/resume' }, 200)
  await valid(url, { path: '/backup' }, 200)
})

afterAll(() => {
  const own = ROUTES.filter(({ surface }) => surface === 'jobs')
  const all = own.flatMap(({ path, methods }) => methods.map((method) => `${method} ${path}`))
  expect([...seen].sort()).toEqual(all.sort())
})
