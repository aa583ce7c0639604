// Failures of the fake target for all chats: an HTTP error in the form of each API, or no answer at all.

import { type FakeOllama, fails, hangsUp } from '../../fake-ollama.ts'

const JSON_TYPE = [['Content-Type', 'application/json']] as const

/** Every chat fails from now on; `more` is added to each script. */
export function failEveryChat(fake: FakeOllama, status: number, message: string, more: { gate?: string } = {}): void {
  for (const path of ['/api/chat', '/api/generate']) fake.always(path, { ...fails(status, message), ...more })
  const openai = { error: { message, type: 'api_error', param: null, code: null } }
  const anthropic = { type: 'error', error: { type: 'api_error', message }, request_id: 'req_0123456789abcdef01234567' }
  const answer = (body: object) => ({ ...more, status, headers: JSON_TYPE, body: `${JSON.stringify(body)}\n` })
  fake.always('/v1/chat/completions', answer(openai))
  fake.always('/v1/messages', answer(anthropic))
}

/**
 * No request is answered any more, not even a probe. The port stays bound: a free port may be given to the tap of another client,
 * and foreman's probes of its lost target were then counted as requests of that client (1 of 12 runs).
 */
export function becomeUnreachable(fake: FakeOllama): void {
  const probed = ['/api/tags', '/api/ps', '/api/version']
  for (const path of [...probed, '/api/chat', '/v1/chat/completions', '/v1/messages']) fake.always(path, hangsUp())
  fake.drop()
}
