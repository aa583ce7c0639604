// Owns how the fake target fails for everybody: with an HTTP error, on each surface in Ollama's form there; or by being
// there no more.

import { type FakeOllama, fails, hangsUp } from '../../fake-ollama.ts'

const JSON_TYPE = [['Content-Type', 'application/json']] as const

/** Every chat is answered so from now on; `more` is said of all of them. */
export function failsEverywhere(fake: FakeOllama, status: number, message: string, more: { gate?: string } = {}): void {
  for (const path of ['/api/chat', '/api/generate']) fake.always(path, { ...fails(status, message), ...more })
  const openai = { error: { message, type: 'api_error', param: null, code: null } }
  const anthropic = { type: 'error', error: { type: 'api_error', message }, request_id: 'req_0123456789abcdef01234567' }
  const answer = (body: object) => ({ ...more, status, headers: JSON_TYPE, body: `${JSON.stringify(body)}\n` })
  fake.always('/v1/chat/completions', answer(openai))
  fake.always('/v1/messages', answer(anthropic))
}

/**
 * Nobody is answered any more, not even a probe. Its port stays its own: a port that is free is given to somebody else's
 * tap, and foreman's probes of its lost target were then found among the requests of a client (1 of 12 runs).
 */
export function isGone(fake: FakeOllama): void {
  const probed = ['/api/tags', '/api/ps', '/api/version']
  for (const path of [...probed, '/api/chat', '/v1/chat/completions', '/v1/messages']) fake.always(path, hangsUp())
  fake.drop()
}
