// Body of a job from the arguments of `foreman submit`. Pure. Invalid arguments throw a usage error.

import { jsonObject } from '../protocol/json.ts'
import { CommandError, EXIT } from './exit.ts'

export interface Image {
  readonly mediaType: string
  readonly base64: string
}

export interface BodyOptions {
  readonly model: string
  readonly endpoint: string
  readonly prompt: string
  readonly images: readonly Image[]
  readonly system: string | undefined
  /** `json`, or a JSON schema. */
  readonly format: unknown
  readonly options: Readonly<Record<string, unknown>>
  readonly think: boolean | string | undefined
}

export type Body = { model: string } & Record<string, unknown>

const usage = (text: string): CommandError => new CommandError(EXIT.usage, `foreman: ${text}`)

/** How a prompt becomes a body, by endpoint. The others need `--body`. A key that is undefined is not sent. */
const COMPOSERS: Readonly<Record<string, (given: BodyOptions) => Record<string, unknown>>> = {
  '/api/chat': (given) => ({
    messages: messages(given, { content: given.prompt, images: pictures(given) }),
    ...native(given),
  }),
  '/api/generate': (given) => ({
    system: given.system,
    prompt: given.prompt,
    images: pictures(given),
    ...native(given),
  }),
  '/v1/chat/completions'(given) {
    const [flag] = Object.entries(native(given)).find(([, value]) => value !== undefined) ?? []
    if (flag !== undefined) {
      const name = flag.replace(/s$/, '')
      throw usage(`--${name} works with /api/chat and /api/generate only; use --body for ${given.endpoint}`)
    }
    return { messages: messages(given, { content: openaiContent(given) }), stream: true }
  },
}

export const PROMPT_ENDPOINTS = Object.keys(COMPOSERS)

/** The keys of each endpoint that hold the question. One of them is enough. */
const QUESTION_KEYS: Readonly<Record<string, readonly string[]>> = {
  '/api/chat': ['messages'],
  '/api/generate': ['prompt', 'images', 'suffix'],
  '/v1/chat/completions': ['messages'],
  '/v1/completions': ['prompt'],
  '/v1/responses': ['input'],
  '/v1/messages': ['messages'],
}

export function composeBody(given: BodyOptions): Body {
  const { model, endpoint } = given
  const compose = COMPOSERS[endpoint]
  if (compose !== undefined) return { model, ...compose(given) }
  throw usage(`PROMPT works with ${PROMPT_ENDPOINTS.join(', ')} only; for ${endpoint} give the whole body with --body`)
}

const messages = ({ system }: BodyOptions, user: object): object[] => [
  ...(system === undefined ? [] : [{ role: 'system', content: system }]),
  { role: 'user', ...user },
]

const pictures = ({ images }: BodyOptions): string[] | undefined =>
  images.length === 0 ? undefined : images.map(({ base64 }) => base64)

const native = ({ format, think, options }: BodyOptions): Record<string, unknown> => ({
  format,
  think,
  options: Object.keys(options).length === 0 ? undefined : options,
})

function openaiContent({ prompt, images }: BodyOptions): unknown {
  if (images.length === 0) return prompt
  const parts = images.map(({ mediaType, base64 }) => ({
    type: 'image_url',
    image_url: { url: `data:${mediaType};base64,${base64}` },
  }))
  return [{ type: 'text', text: prompt }, ...parts]
}

/** Reads `temperature=0.2`. A value that is JSON (a number, true, a list) is parsed; any other value is text. */
export function readOption(argument: string): readonly [name: string, value: unknown] {
  const [, name, text] = /^([^=]+)=(.*)$/s.exec(argument) ?? []
  if (name === undefined || text === undefined) throw usage(`--option ${argument} is not NAME=VALUE`)
  try {
    return [name, JSON.parse(text)]
  } catch {
    return [name, text]
  }
}

/** Parses a JSON schema. `origin` names its source in error messages. */
export function readSchema(text: string, origin: string): unknown {
  let schema: unknown
  try {
    schema = JSON.parse(text)
  } catch (error) {
    throw usage(`--format ${origin} is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (typeof schema === 'object' && schema !== null && !Array.isArray(schema)) return schema
  throw usage(`--format ${origin} is not a JSON schema: it must be an object, such as {"type": "object"}`)
}

/**
 * Returns a warning if the body has no question for its endpoint, so that Ollama would only load the model; else null.
 * Throws if the model is empty. A body that does not parse is left to the daemon.
 *
 * @param flag --endpoint, which takes precedence over the body's own
 */
export function noteOnBody(bytes: Uint8Array, flag: string | undefined): string | null {
  const body = jsonObject(new TextDecoder().decode(bytes))
  if (body === null) return null
  const { model, endpoint: own, keep_alive: keepAlive } = body
  if (typeof model === 'string' && model.trim() === '')
    throw usage('--body has an empty "model": name one, such as "qwen3:14b"')
  const endpoint = flag ?? (typeof own === 'string' ? own : '/api/chat')
  const wanted = QUESTION_KEYS[endpoint]
  // keep_alive alone loads or unloads a model.
  if (wanted === undefined || keepAlive !== undefined || wanted.some((key) => body[key] !== undefined)) return null
  const [fits] = Object.entries(QUESTION_KEYS).find(([, keys]) => keys.some((key) => body[key] !== undefined)) ?? []
  const hint = fits === undefined ? '' : `; its other keys fit --endpoint ${fits}`
  return `--body has no question for ${endpoint}: it has no ${wanted.map((key) => `"${key}"`).join(', ')}${hint}`
}
