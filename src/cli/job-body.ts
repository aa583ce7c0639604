// Body of a job from the arguments of `foreman submit`. Pure. Invalid arguments throw a usage error.

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
  readonly system?: string
  /** `json`, or a JSON schema. */
  readonly format?: unknown
  readonly options: Readonly<Record<string, unknown>>
  readonly think?: boolean | string
}

export type Body = { model: string } & Record<string, unknown>

/** Endpoints whose body can be built from a prompt. The others need `--body`. */
export const PROMPT_ENDPOINTS = ['/api/chat', '/api/generate', '/v1/chat/completions'] as const

/** The keys of each endpoint that hold the question. One of them is enough. */
const QUESTION_KEYS: Readonly<Record<string, readonly string[]>> = {
  '/api/chat': ['messages'],
  '/api/generate': ['prompt', 'images', 'suffix'],
  '/v1/chat/completions': ['messages'],
  '/v1/completions': ['prompt'],
  '/v1/responses': ['input'],
  '/v1/messages': ['messages'],
}

const usage = (text: string): CommandError => new CommandError(EXIT.usage, `foreman: ${text}`)

export function composeBody(given: BodyOptions): Body {
  const { model, endpoint, prompt, images, system, format, options, think } = given
  const native = {
    ...(format === undefined ? {} : { format }),
    ...(think === undefined ? {} : { think }),
    ...(Object.keys(options).length === 0 ? {} : { options }),
  }
  const pictures = images.map(({ base64 }) => base64)
  const withPictures = pictures.length === 0 ? {} : { images: pictures }
  const instruction = system === undefined ? [] : [{ role: 'system', content: system }]
  switch (endpoint) {
    case '/api/chat':
      return { model, messages: [...instruction, { role: 'user', content: prompt, ...withPictures }], ...native }
    case '/api/generate':
      return { model, ...(system === undefined ? {} : { system }), prompt, ...withPictures, ...native }
    case '/v1/chat/completions': {
      const [flag] = Object.keys(native)
      if (flag !== undefined) {
        throw usage(
          `--${flag.replace(/s$/, '')} works with /api/chat and /api/generate only; use --body for ${endpoint}`,
        )
      }
      return {
        model,
        messages: [...instruction, { role: 'user', content: openaiContent(prompt, images) }],
        stream: true,
      }
    }
    default:
      throw usage(
        `PROMPT works with ${PROMPT_ENDPOINTS.join(', ')} only; for ${endpoint} give the whole body with --body`,
      )
  }
}

function openaiContent(prompt: string, images: readonly Image[]): unknown {
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
  const body = objectIn(bytes)
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

function objectIn(bytes: Uint8Array): Readonly<Record<string, unknown>> | null {
  try {
    const body: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : null
  } catch {
    return null
  }
}
