// Owns how the fake target says an HTTP error on each surface: in Ollama's own form there, which the native one is not.

import { type FakeOllama, fails } from '../../fake-ollama.ts'

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
