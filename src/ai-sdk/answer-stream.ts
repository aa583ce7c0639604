// Stream of parts that the SDK reads, made from a job's records as they come, no faster than they are read. Text that was handed
// out is never followed by a second answer, and a truncated answer never finishes.

import { AnswerVoidedError } from '../client/index.ts'
import { SdkAnswerReader } from './answer-reader.ts'
import type { CallStep, JobCall } from './job-call.ts'
import { metadataOf, statePartsOf } from './job-metadata.ts'
import type { JobProgress } from './progress.ts'
import type { ResponseMetadata, StreamPart, Warning } from './specification.ts'

export interface Streaming {
  readonly call: JobCall
  readonly warnings: Warning[]
  readonly response: ResponseMetadata
  readonly isRaw: boolean
  readonly hasStateParts: boolean
  readonly onState: ((progress: JobProgress) => void) | null
  readonly signal: AbortSignal | undefined
  /** The error for the SDK, once the job has been cancelled or left to go on. */
  readonly failed: (error: unknown) => Promise<unknown>
}

export function answerStream(streaming: Streaming): ReadableStream<StreamPart> {
  const { call, signal, isRaw } = streaming
  const steps = call.steps()
  let reader = new SdkAnswerReader(call.id)
  let isLeft = false

  /** Null: that was all. */
  function partsOf(step: CallStep | undefined): StreamPart[] | null {
    if (step === undefined) return null
    if (step.kind === 'record') {
      const raw: StreamPart[] = isRaw ? [{ type: 'raw', rawValue: step.data }] : []
      return [...raw, ...reader.read(step.data)]
    }
    if (step.kind === 'void') {
      // What was handed out cannot be taken back, and a second answer behind the first would be read as one.
      if (reader.content.length > 0) throw new AnswerVoidedError(call.id)
      reader = new SdkAnswerReader(call.id)
      return []
    }
    const { finishReason, usage } = reader
    return [...reader.end(), { type: 'finish', finishReason, usage, providerMetadata: metadataOf(step.job) }]
  }

  return new ReadableStream<StreamPart>({
    start(controller) {
      controller.enqueue({ type: 'stream-start', warnings: streaming.warnings })
      controller.enqueue({ type: 'response-metadata', ...streaming.response })
      const { onState, hasStateParts } = streaming
      const show = (progress: JobProgress): void => {
        onState?.(progress)
        for (const part of statePartsOf(progress, isRaw, hasStateParts)) controller.enqueue(part)
      }
      call.watch(isRaw || hasStateParts ? show : onState)
    },
    async pull(controller) {
      try {
        let parts: StreamPart[] | null = []
        while (parts?.length === 0) {
          const { value } = await steps.next()
          if (isLeft) return
          parts = partsOf(value ?? undefined)
        }
        for (const part of parts ?? []) controller.enqueue(part)
        if (parts !== null) return
        call.close()
        controller.close()
      } catch (error) {
        if (isLeft) return
        call.close()
        await steps.return()
        const failure = await streaming.failed(error)
        if (isLeft) return
        if (signal?.aborted === true) return controller.error(failure)
        controller.enqueue({ type: 'error', error: failure })
        controller.close()
      }
    },
    /** The reader has stopped, so the rest is not needed. */
    async cancel(reason) {
      isLeft = true
      call.leave(reason ?? new Error('the stream is not read on'))
      call.close()
      await steps.return()
      await call.abandon()
    },
  })
}
