// The OpenAPI document covers every row of the tables that it is made from, and foreman serves it.

import { expect, it } from 'vitest'
import { openApiDocument } from '../../src/daemon/http/own/openapi/document.ts'
import { ROUTES } from '../../src/daemon/http/routes.ts'
import { ERRORS, type ErrorCode } from '../../src/protocol/error.ts'
import { get } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { startForeman } from '../harness.ts'
import { undescribed } from './described.ts'

const document = openApiDocument(ROUTES)

it('describes each route and method once', () => {
  const described = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const routes = ROUTES.flatMap(({ path, methods }) => methods.map((method) => `${method} ${path}`))
  expect(described.sort()).toEqual(routes.sort())
  const ids = Object.values(document.paths).flatMap((item) => Object.values(item).map((it) => it['operationId']))
  expect(new Set(ids).size).toBe(ids.length)
})

/** The first two end a job and are in its document. The others answer a path or method that is not in the document. */
const NOT_IN_RESPONSES: readonly ErrorCode[] = ['caller_gone', 'answer_too_large', 'not_found', 'method_not_allowed']

it('has each error code that can answer a request', () => {
  const text = JSON.stringify(document.components.responses)
  const codes = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => ERRORS[code].status !== null)
  expect(codes.filter((code) => !text.includes(`"${code}"`)).sort()).toEqual([...NOT_IN_RESPONSES].sort())
})

it('is served as in docs/openapi.json', async () => {
  await using fake = await FakeOllama.start()
  const { url } = await startForeman(fake)
  const answer = await get(url, '/openapi.json')
  expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json; charset=utf-8' } })
  expect(JSON.parse(answer.body)).toEqual(document)
})

it.each([
  [{ method: 'GET', path: '/status', status: 418, code: null }, 'GET /status: 418 without X-Foreman-Error'],
  [{ method: 'POST', path: '/resume', status: 409, code: 'job_active' }, 'POST /resume: 409 job_active'],
  [{ method: 'POST', path: '/pause', status: 400, code: 'webhook_refused' }, 'POST /pause: 400 webhook_refused'],
])('lacks an answer that the recorder then reports', (answer, line) => {
  expect(undescribed(answer)).toEqual([line])
})

it.each([
  { method: 'POST', path: '/api/chat', status: 418, code: null },
  { method: 'GET', path: '/jobs/x', status: 404, code: 'job_not_found' },
  { method: 'GET', path: '/nowhere', status: 404, code: null },
])('allows errors of the table and of the target', (answer) => {
  expect(undescribed(answer)).toEqual([])
})
