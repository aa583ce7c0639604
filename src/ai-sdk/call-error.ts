// Errors of foreman, its target or the network as errors of the AI SDK, above all whether a retry can help and is harmless. Other
// errors are passed on unchanged.

import {
  AnswerVoidedError,
  ApiError,
  AuthError,
  ForemanError,
  JobEndedError,
  UnreachableError,
} from '../client/index.ts'
import { ForemanCallError } from './sdk-error.ts'
import type { JsonObject } from './specification.ts'

export interface FailedCall {
  readonly url: string
  readonly body: unknown
  /** Null: foreman has not acknowledged a job. */
  readonly jobId: string | null
}

export function callErrorOf(error: unknown, { url, body, jobId }: FailedCall): unknown {
  if (!(error instanceof ForemanError)) return error
  return new ForemanCallError({
    message: error.message,
    url,
    requestBodyValues: body,
    statusCode: statusOf(error),
    responseHeaders: retryAfterOf(error),
    isRetryable: isRetryable(error, jobId !== null),
    data: { ...(jobId === null ? {} : { jobId }), ...detailsOf(error) },
    cause: error,
  })
}

/**
 * Once a job is acknowledged foreman is the one that tries again, and it has: another call would be another job, beside the
 * first or after its attempts are spent. The target's own 5xx and 429 are left to the SDK's habit.
 */
function isRetryable(error: ForemanError, isAcknowledged: boolean): boolean {
  if (error instanceof JobEndedError) return isPassing(error.job.error?.status ?? 0)
  // Its job was cancelled, so that the next one is the only one.
  if (error instanceof AnswerVoidedError) return true
  if (isAcknowledged || error instanceof AuthError) return false
  return error instanceof UnreachableError || (error instanceof ApiError && isPassing(error.status))
}

const isPassing = (status: number): boolean => status === 408 || status === 429 || status >= 500

function statusOf(error: ForemanError): number | undefined {
  if (error instanceof ApiError) return error.status
  return error instanceof JobEndedError ? (error.job.error?.status ?? undefined) : undefined
}

/** The SDK waits as long as this header says. */
function retryAfterOf(error: ForemanError): Record<string, string> | undefined {
  if (!(error instanceof ApiError) || error.retryAfterMs === null) return undefined
  return { 'retry-after': String(Math.ceil(error.retryAfterMs / 1000)) }
}

function detailsOf(error: ForemanError): JsonObject {
  if (error instanceof JobEndedError) {
    const { state, attempt, error: told } = error.job
    return { code: error.code, state, attempt, status: told?.status ?? null }
  }
  if (error instanceof AnswerVoidedError) return { code: 'answer_voided' }
  if (error instanceof ApiError) return { code: error.code }
  return { code: error instanceof UnreachableError ? 'unreachable' : null }
}
