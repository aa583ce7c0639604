// Stream of parts that the AI SDK reads, made from a job's records as they arrive, no faster than they are read. A second
// answer never follows text that was handed out, and a truncated answer never finishes.

import type { JSONObject, LanguageModelV4StreamPart, SharedV4ProviderMetadata, SharedV4Warning } from '@ai-sdk/provider'
import { AnswerVoidedError, type JobDocument } from '../client/index.ts'
import { SdkAnswerReader } from './answer-reader.ts'
import type { CallStep, JobCall } from './job-call.ts'
import type { JobProgress } from './progress.ts'

export interface Streaming {
  readonly call: JobCall
  readonly warnings: SharedV4Warning[]
  readonly isRaw: boolean
}

export function answerStream({ call, warnings, isRaw }: Streaming): ReadableStream<LanguageModelV4StreamPart> {
  const { signal, settings } = call.calling
  const { onState, stateParts = false } = settings
  const steps = call.steps()
  let reader = new SdkAnswerReader(call.id)
  let isCancelled = false

  /** Returns null after the last step. */
  function partsOf(step: CallStep | undefined): LanguageModelV4StreamPart[] | null {
    if (step === undefined) return null
    if (step.kind === 'record') {
      const raw: LanguageModelV4StreamPart[] = isRaw ? [{ type: 'raw', rawValue: step.data }] : []
      return [...raw, ...reader.read(step.data)]
    }
    if (step.kind === 'void') {
      if (reader.content.length > 0) throw new AnswerVoidedError(call.id)
      reader = new SdkAnswerReader(call.id)
      return []
    }
    const { finishReason, usage } = reader
    return [...reader.end(), { type: 'finish', finishReason, usage, providerMetadata: metadataOf(step.job) }]
  }

  return new ReadableStream<LanguageModelV4StreamPart>({
    start(controller) {
      controller.enqueue({ type: 'stream-start', warnings })
      controller.enqueue({ type: 'response-metadata', ...call.response })
      const show = (progress: JobProgress): void => {
        const foreman: JSONObject = { ...progress }
        if (isRaw) controller.enqueue({ type: 'raw', rawValue: { foreman } })
        if (stateParts) controller.enqueue({ type: 'custom', kind: 'foreman.state', providerMetadata: { foreman } })
        onState?.(progress)
      }
      call.watch(isRaw || stateParts ? show : onState)
    },
    async pull(controller) {
      try {
        let parts: LanguageModelV4StreamPart[] | null = []
        while (parts?.length === 0) {
          const { value } = await steps.next()
          if (isCancelled) return
          parts = partsOf(value ?? undefined)
        }
        for (const part of parts ?? []) controller.enqueue(part)
        if (parts !== null) return
        call.close()
        controller.close()
      } catch (error) {
        if (isCancelled) return
        call.close()
        await steps.return()
        const failure = await call.failure(error)
        if (isCancelled) return
        if (signal?.aborted === true) return controller.error(failure)
        controller.enqueue({ type: 'error', error: failure })
        controller.close()
      }
    },
    async cancel(reason) {
      isCancelled = true
      call.leave(reason ?? new Error('the stream was cancelled'))
      call.close()
      await steps.return()
      await call.abandon()
    },
  })
}

/** `providerMetadata` of a job. Times are ISO, durations are in milliseconds; both are null while unknown. */
export function metadataOf(job: JobDocument): SharedV4ProviderMetadata {
  return {
    foreman: {
      jobId: job.job_id,
      state: job.state,
      position: job.position,
      attempt: job.attempt,
      maxAttempts: job.max_attempts,
      label: job.label,
      queueMs: job.timings.queue_ms,
      loadMs: job.timings.load_ms,
      runMs: job.timings.run_ms,
      createdAt: job.created_at,
      startedAt: job.started_at,
      finishedAt: job.finished_at,
      doneReason: job.done_reason,
    },
  }
}
