// Every error that ends a call before its answer has begun, as each JavaScript client shows it to its user.

import dns from 'node:dns'
import { afterAll, beforeAll, vi } from 'vitest'
import { type ErrorClient, testErrors } from '../conformance/error-table.ts'
import { type ErrorCase, UNKNOWN_HOST } from '../conformance/errors.ts'
import { CLIENT_MODES, type JavaScriptClientMode } from './client-modes.ts'
import { resultOf } from './client-result.ts'
import { EMBEDDERS, MANAGERS, METHODS } from './operations.ts'

/**
 * They read errors of OpenAI's form only, and show the words behind the status of others. What is refused before its path is
 * known has Ollama's own form everywhere.
 */
function shows({ client }: JavaScriptClientMode, { status, reason, sentence, asked }: ErrorCase): string {
  if (client === 'ollama-ai-provider-v2') return reason
  const isNobodys = status === 431 || asked?.path !== undefined
  return client === '@ai-sdk/openai-compatible' && isNobodys ? reason : sentence
}

const CHATS: readonly ErrorClient[] = CLIENT_MODES.map((way) => ({
  ...way,
  call: (question) => resultOf(way.ask({ ...question, retries: 0 })),
  shows: (error) => shows(way, error),
  // It wraps what ollama-js says in an error of its own, without the status.
  hidesStatus: way.client === 'ai-sdk-ollama',
}))

// As a line in the file of hosts would; `fetch` lets nobody choose the Host header.
const real = dns.lookup
const lookup = vi.spyOn(dns, 'lookup')
beforeAll(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const known: unknown = (host: string, ...rest: unknown[]) =>
    Reflect.apply(real, dns, [host === UNKNOWN_HOST ? '127.0.0.1' : host, ...rest])
  lookup.mockImplementation(known as typeof dns.lookup)
})
afterAll(() => lookup.mockRestore())

testErrors('javascript', { chat: CHATS, embedding: EMBEDDERS, management: MANAGERS, method: METHODS })
