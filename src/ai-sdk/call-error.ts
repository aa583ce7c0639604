// Errors of foreman, its target or the network as errors of the AI SDK, which decides by them whether to retry. Other errors
// are passed on unchanged.

import { APICallError, type JSONObject } from '@ai-sdk/provider'
import {
  AnswerVoidedError,
  ApiError,
  AuthError,
  ForemanError,
  JobEndedError,
  UnreachableError,
} from '../client/index.ts'

/** A call that failed. `APICallError.isInstance` holds. */
export class ForemanCallError extends APICallError {
  /** `code` (docs/errors.md). If there is a job, also `jobId`, `state`, `attempt` and the target's `status`. */
  declare readonly data: JSONObject
}

export interface FailedCall {
  readonly url: string
  readonly body: unknown
  /** Null if foreman has not acknowledged a job. */
  readonly jobId: string | null
}

export function callErrorOf(error: unknown, { url, body, jobId }: FailedCall): unknown {
  if (!(error instanceof ForemanError)) return error
  const { message } = error
  const data = { ...(jobId === null ? {} : { jobId }), ...detailsOf(error) }
  const statusCode = statusOf(error)
  const retryAfterMs = error instanceof ApiError ? error.retryAfterMs : null
  return new ForemanCallError({
    message,
    url,
    requestBodyValues: body,
    ...(statusCode === null ? {} : { statusCode }),
    // The SDK waits as long as this header says.
    ...(retryAfterMs === null ? {} : { responseHeaders: { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) } }),
    responseBody: JSON.stringify({ error: message, ...data }),
    isRetryable: isRetryable(error, jobId !== null),
    data,
    cause: error,
  })
}

/**
 * Returns whether a retry can help and does no harm. foreman itself retries an acknowledged job, so another call would make
 * a second job. Only a 408, 429 or 5xx of the target itself is left to the SDK.
 */
function isRetryable(error: ForemanError, isAcknowledged: boolean): boolean {
  if (error instanceof JobEndedError) return isPassing(error.job.error?.status ?? 0)
  // This job was cancelled, so a retry does not make a second one.
  if (error instanceof AnswerVoidedError) return true
  if (isAcknowledged || error instanceof AuthError) return false
  return error instanceof UnreachableError || (error instanceof ApiError && isPassing(error.status))
}

const isPassing = (status: number): boolean => status === 408 || status === 429 || status >= 500

function statusOf(error: ForemanError): number | null {
  if (error instanceof ApiError) return error.status
  return error instanceof JobEndedError ? (error.job.error?.status ?? null) : null
}

function detailsOf(error: ForemanError): JSONObject {
  if (error instanceof JobEndedError) {
    const { state, attempt, error: reason } = error.job
    return { code: error.code, state, attempt, status: reason?.status ?? null }
  }
  if (error instanceof AnswerVoidedError) return { code: 'answer_voided' }
  if (error instanceof ApiError) return { code: error.code }
  return { code: error instanceof UnreachableError ? 'unreachable' : null }
}
