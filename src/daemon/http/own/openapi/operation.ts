// What an operation of the OpenAPI document is made of: its parameters, its own answers, and the errors of the table that it
// may answer with.

import { ERRORS, type ErrorCode, type ErrorEntry } from '../../../../protocol/error.ts'
import type { Surface } from '../../error-body.ts'
import { ref, type Schema } from './schema.ts'

export interface Response {
  readonly description: string
  readonly headers?: Readonly<Record<string, Schema>>
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
  readonly links?: Readonly<Record<string, unknown>>
}

/** One row for each route and method. */
export interface Operation {
  readonly id: string
  readonly tag: Tag
  readonly summary: string
  readonly description?: string
  readonly parameters?: readonly Schema[]
  readonly requestBody?: Schema
  /** By status; those of errors are added from the table. */
  readonly answers: Readonly<Record<string, Response>>
  /** Beside those of every request. */
  readonly errors: readonly ErrorCode[]
}

export const TAGS = {
  jobs: 'Async jobs: on disk before the 202.',
  daemon: 'The daemon itself: health, status, pause, metrics, backup.',
  queued: 'Calls of Ollama, OpenAI and Anthropic that wait in the queue and are passed on unchanged.',
  direct: 'Calls of Ollama, OpenAI and Anthropic that do not wait in the queue.',
} as const

export type Tag = keyof typeof TAGS

/** What any request can be answered with before its route is asked. */
const EVERYWHERE: readonly ErrorCode[] = [
  'bad_request',
  'unauthorized',
  'host_not_allowed',
  'origin_not_allowed',
  'request_timeout',
  'headers_too_large',
  'internal',
  'not_implemented',
  'too_many_connections',
  'shutting_down',
  'loop_detected',
]

const SHAPES: Readonly<Record<Surface, string>> = {
  native: 'OllamaError',
  openai: 'OpenAIError',
  responses: 'OpenAIError',
  anthropic: 'AnthropicError',
  jobs: 'Error',
}

export const json = (name: string): Response['content'] => ({ 'application/json': { schema: ref(name) } })

/** Responses of errors, each written once: a dozen routes answer with the same. */
export class ErrorResponses {
  readonly #names = new Map<string, string>()
  readonly #components: Record<string, Response> = {}

  /** By name, for `components`. */
  get components(): Readonly<Record<string, Response>> {
    return this.#components
  }

  /** All answers of an operation on `surface`, errors by status. */
  of({ answers, errors }: Operation, surface: Surface): Record<string, Response | { readonly $ref: string }> {
    const responses: Record<string, Response | { readonly $ref: string }> = { ...answers }
    const codes = [...new Set([...EVERYWHERE, ...errors])]
    for (const status of new Set(codes.map(statusOf))) {
      const ofStatus = codes.filter((code) => statusOf(code) === status)
      // Readiness has a 503 of its own, which says the same.
      responses[status] ??= this.#refTo(status, ofStatus, surface)
    }
    return responses
  }

  #refTo(status: number, codes: readonly ErrorCode[], surface: Surface): { readonly $ref: string } {
    const shape = SHAPES[surface]
    const key = [shape, ...codes].join()
    const same = Object.keys(this.#components).filter((name) => name.startsWith(`${shape}${status}`)).length
    const name = this.#names.get(key) ?? `${shape}${status}${same === 0 ? '' : `.${same + 1}`}`
    this.#names.set(key, name)
    this.#components[name] ??= errorResponse(status, codes, shape)
    return { $ref: `#/components/responses/${name}` }
  }
}

function statusOf(code: ErrorCode): number {
  const { status }: ErrorEntry = ERRORS[code]
  if (status === null) throw new Error(`${code} cannot answer a request`)
  return status
}

function errorResponse(status: number, codes: readonly ErrorCode[], shape: string): Response {
  return {
    description: `${codes.map((code) => `\`${code}\``).join(', ')} (docs/errors.md).`,
    headers: {
      'X-Foreman-Error': { schema: { type: 'string', enum: codes } },
      ...(status === 503
        ? { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer', minimum: 1 } } }
        : {}),
    },
    content: json(shape) ?? {},
  }
}
