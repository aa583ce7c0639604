// Errors with the AI SDK's marks: its `isInstance` and its retries treat them as its own.

import type { JsonObject } from './specification.ts'

const MARK = 'vercel.ai.error'

/** The SDK looks for symbols and never for a class, because an application may hold several copies of it. */
class MarkedError extends Error {
  constructor(name: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = name
    for (const mark of [MARK, `${MARK}.${name}`]) Object.defineProperty(this, Symbol.for(mark), { value: true })
  }
}

export interface CallErrorParts {
  readonly message: string
  readonly url: string
  readonly requestBodyValues: unknown
  readonly statusCode: number | undefined
  readonly responseHeaders: Record<string, string> | undefined
  /** The SDK tries again, up to its `maxRetries`. */
  readonly isRetryable: boolean
  readonly data: JsonObject
  readonly cause: unknown
}

/** `APICallError.isInstance` holds. */
export class ForemanCallError extends MarkedError {
  readonly url: string
  readonly requestBodyValues: unknown
  readonly statusCode: number | undefined
  readonly responseHeaders: Record<string, string> | undefined
  readonly responseBody: string
  readonly isRetryable: boolean
  /** `code` (docs/errors.md), and of a job `jobId`, `state`, `attempt` and `status`, the target's own. */
  readonly data: JsonObject

  constructor({ message, cause, ...parts }: CallErrorParts) {
    super('AI_APICallError', message, { cause })
    this.url = parts.url
    this.requestBodyValues = parts.requestBodyValues
    this.statusCode = parts.statusCode
    this.responseHeaders = parts.responseHeaders
    this.responseBody = JSON.stringify({ error: message, ...parts.data })
    this.isRetryable = parts.isRetryable
    this.data = parts.data
  }
}

/** `UnsupportedFunctionalityError.isInstance` holds. */
export class UnsupportedError extends MarkedError {
  readonly functionality: string

  constructor(functionality: string, message: string) {
    super('AI_UnsupportedFunctionalityError', message)
    this.functionality = functionality
  }
}

/** `InvalidArgumentError.isInstance` holds. */
export class ArgumentError extends MarkedError {
  readonly argument: string

  constructor(argument: string, message: string) {
    super('AI_InvalidArgumentError', message)
    this.argument = argument
  }
}

/** `NoSuchModelError.isInstance` holds. */
export class NoModelError extends MarkedError {
  readonly modelId: string
  readonly modelType: string

  constructor(modelId: string, modelType: string) {
    super('AI_NoSuchModelError', `No such ${modelType}: ${modelId}`)
    this.modelId = modelId
    this.modelType = modelType
  }
}
