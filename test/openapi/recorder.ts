// Records each route, status and error code that the foremen of a test file answer with, and fails the file if one of them is
// not in the OpenAPI document. It is a setup file, so it holds for every test file, run alone or with others.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { afterAll, expect } from 'vitest'
import type { Answered } from './described.ts'

interface Finished {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly server: Server
}

const answers = new Map<string, Answered>()

function record(message: unknown): void {
  const { request, response, server } = message as Finished
  // Only foreman's server handles requests before "100 Continue".
  if (server.listenerCount('checkContinue') === 0) return
  const { method = '', url = '' } = request
  const code = response.getHeader('x-foreman-error')
  const answer = {
    method,
    path: url.split('?', 1)[0] ?? '',
    status: response.statusCode,
    code: code?.toString() ?? null,
  }
  answers.set(Object.values(answer).join(' '), answer)
}

subscribe('http.server.response.finish', record)

afterAll(async () => {
  unsubscribe('http.server.response.finish', record)
  if (answers.size === 0) return
  // Most test files start no foreman.
  const { undescribed } = await import('./described.ts')
  expect([...new Set([...answers.values()].flatMap(undescribed))]).toEqual([])
})
