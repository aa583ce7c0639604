// Assistant's text of one job as it is written. If a requeue makes text void, the caller is told before new text follows:
// both together would be an answer that no model gave.

import type { JobEvent } from '../protocol/event.ts'
import type { JobDocument } from '../protocol/wire.ts'
import { textOf } from './answer-text.ts'
import { AnswerVoidedError, endedError } from './error.ts'
import { type Iteration, iteration } from './iteration.ts'

export interface TextOptions {
  /** Ends the iteration, which then throws the signal's reason. The job continues. */
  readonly signal?: AbortSignal | undefined
  /** Called when the job was put back in the queue: discard the text so far, it starts again. Default: throws AnswerVoidedError. */
  readonly onVoid?: (() => void) | undefined
}

interface TextSources {
  readonly id: string
  readonly events: (signal: AbortSignal) => AsyncIterable<JobEvent>
  readonly look: (signal: AbortSignal) => Promise<JobDocument>
}

export function textStream({ id, events, look }: TextSources, { signal, onVoid }: TextOptions): Iteration<string> {
  return iteration(signal, async function* (patience) {
    let hasText = false
    for await (const event of events(patience.signal)) {
      if (event.type === 'record') {
        const text = textOf(event.data)
        if (text === '') continue
        hasText = true
        yield text
      } else if (event.state === 'queued' && hasText) {
        if (onVoid === undefined) throw new AnswerVoidedError(id)
        hasText = false
        onVoid()
      } else if (event.state === 'failed' || event.state === 'cancelled') {
        throw endedError(await look(patience.signal))
      }
    }
  })
}
