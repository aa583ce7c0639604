// Parts of an operation in the OpenAPI document: its parameters, its answers, and the errors of the table that it may send.

import { ERRORS, type ErrorCode } from '../../../../protocol/error.ts'
import type { Surface } from '../../error-body.ts'
import { count, ref, type Schema, text } from './schema.ts'

export interface Response {
  readonly description: string
  readonly headers?: Readonly<Record<string, Schema>>
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
  readonly links?: Readonly<Record<string, unknown>>
}

export interface Operation {
  readonly id: string
  readonly summary: string
  /** Those of the path are added from it. */
  readonly parameters?: readonly Schema[]
  readonly requestBody?: Schema
  /** By status; those of errors are added from the table. */
  readonly answers: Readonly<Record<string, Response>>
  /** In addition to those of every request. */
  readonly errors?: readonly ErrorCode[]
}

/** The errors that any request can get before its handler is called. */
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

/** An answer whose body has the schema with this name. */
export const answer = (description: string, schema: string, more: Omit<Response, 'description'> = {}): Response => ({
  description,
  content: { 'application/json': { schema: ref(schema) } },
  ...more,
})

export const headerOf = (description?: string): Schema => ({
  ...(description === undefined ? {} : { description }),
  schema: text(),
})

/** The responses for errors. Routes that may send the same errors share one. */
export class ErrorResponses {
  /** By name, for `components`. */
  readonly components: Record<string, Response> = {}
  readonly #names = new Map<string, string>()

  /** All responses of an operation on `surface`, by status. */
  of({ answers, errors = [] }: Operation, surface: Surface): Readonly<Record<string, Schema | Response>> {
    const byStatus = Map.groupBy(new Set([...EVERYWHERE, ...errors]), (code) => String(ERRORS[code].status))
    const refs = [...byStatus].map(([status, codes]) => [status, this.#refTo(status, codes, SHAPES[surface])] as const)
    // The 503 of readiness is its own answer.
    return { ...Object.fromEntries(refs), ...answers }
  }

  #refTo(status: string, codes: readonly ErrorCode[], shape: string): Schema {
    const key = [shape, ...codes].join()
    const same = Object.keys(this.components).filter((name) => name.startsWith(shape + status)).length
    const name = this.#names.get(key) ?? `${shape}${status}${same === 0 ? '' : `.${same + 1}`}`
    this.#names.set(key, name)
    const retryAfter = { 'Retry-After': { description: 'Seconds.', schema: { ...count(), minimum: 1 } } }
    this.components[name] ??= answer(`${codes.map((code) => `\`${code}\``).join(', ')} (docs/errors.md).`, shape, {
      headers: {
        'X-Foreman-Error': { schema: { type: 'string', enum: codes } },
        ...(status === '503' ? retryAfter : {}),
      },
    })
    return { $ref: `#/components/responses/${name}` }
  }
}
