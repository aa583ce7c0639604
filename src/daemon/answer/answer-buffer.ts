// Buffer of an async job's answer: its bytes as they come, its records counted, and at its end the artifacts and the result that
// the store keeps. Pure.

import type { JobOutput } from '../domain/artifact.ts'
import type { Verdict } from '../domain/attempt.ts'
import { type AnswerRecord, ENDPOINTS, type EndpointPath } from '../domain/endpoint.ts'
import type { Measured } from '../domain/job.ts'
import { completionOf } from './answer-completion.ts'
import { type CompletionDetector, createCompletionDetector } from './completion-detector.ts'
import { isJsonDocument } from './raw-json.ts'
import { BRACE, trimmed } from './records.ts'
import { AnswerAggregator } from './stream-aggregator.ts'

export interface AnswerBuffer extends CompletionDetector {
  /** The answer until now. */
  readonly chunks: readonly Buffer[]
  readonly bytes: number
  /** How many records there were until now; also the number of the last one. */
  readonly records: number
  /** Ends the answer. `contentType`: the target's. `isWhole`: the answer is complete, so the job will be `done`. */
  output(contentType: string | null, isWhole: boolean): JobOutput
}

/** `number` is the record's number in the answer, from 1. The bytes are valid only during the call. */
export type OnNumbered = (record: AnswerRecord, number: number) => void

/**
 * @param streamed as for createCompletionDetector
 * @param isJson the request asked for a `format`
 */
export function createAnswerBuffer(
  endpoint: EndpointPath,
  streamed: boolean,
  isJson: boolean,
  onRecord: OnNumbered = () => {},
): AnswerBuffer {
  return new BufferedAnswer(endpoint, streamed, isJson, onRecord)
}

/** A Buffer of its own for each token would cost more than the tokens: 560 000 of them are 64 MiB of answer. */
const BLOCK_BYTES = 64 * 1024

const TEXT = 'text/plain; charset=utf-8'

class BufferedAnswer implements AnswerBuffer {
  readonly #endpoint: EndpointPath
  readonly #isJson: boolean
  readonly #detector: CompletionDetector
  /** Null where the answer is one document, which is read at its end. */
  readonly #aggregator: AnswerAggregator | null
  readonly #full: Buffer[] = []
  #block = Buffer.alloc(0)
  #used = 0
  bytes = 0
  records = 0

  constructor(endpoint: EndpointPath, streamed: boolean, isJson: boolean, onRecord: OnNumbered) {
    this.#endpoint = endpoint
    this.#isJson = isJson
    this.#aggregator = streamed ? new AnswerAggregator(endpoint) : null
    this.#detector = createCompletionDetector(endpoint, streamed, (record, isLast) => {
      this.records++
      this.#aggregator?.add(record, isLast)
      onRecord(record, this.records)
    })
  }

  push(chunk: Buffer): void {
    this.bytes += chunk.length
    for (let from = 0; from < chunk.length; ) {
      if (this.#used === this.#block.length) this.#nextBlock()
      const copied = chunk.copy(this.#block, this.#used, from)
      this.#used += copied
      from += copied
    }
    this.#detector.push(chunk)
  }

  end(): void {
    this.#detector.end()
  }

  get isDecided(): boolean {
    return this.#detector.isDecided
  }

  verdict(cut?: boolean): Verdict {
    return this.#detector.verdict(cut)
  }

  measured(): Measured {
    return this.#detector.measured()
  }

  get chunks(): readonly Buffer[] {
    return this.#used === 0 ? this.#full : [...this.#full, this.#block.subarray(0, this.#used)]
  }

  output(contentType: string | null, isWhole: boolean): JobOutput {
    this.end()
    const response = owned(this.chunks, this.bytes)
    const artifacts: JobOutput['artifacts'][number][] = []
    if (response.length > 0) {
      artifacts.push({ name: 'response', contentType: contentType ?? 'application/octet-stream', body: response })
    }
    if (!isWhole) return { artifacts, result: null, responseIsResult: false }
    const completion = this.#aggregator === null ? this.#completionOf(response) : this.#aggregator.completion()
    if (completion !== null) {
      const body = owned([completion], completion.length)
      artifacts.push({ name: 'completion', contentType: this.#isJson ? 'application/json' : TEXT, body })
    }
    const result = this.#aggregator?.result() ?? null
    return {
      artifacts,
      result: result === null ? null : owned([result], result.length),
      responseIsResult: this.#aggregator === null && isJsonDocument(viewOf(response)),
    }
  }

  #nextBlock(): void {
    if (this.#used > 0) this.#full.push(this.#block)
    this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
    this.#used = 0
  }

  #completionOf(response: Uint8Array<ArrayBuffer>): Buffer {
    const { text, mayBePlainText } = ENDPOINTS[this.#endpoint]
    const document = trimmed(viewOf(response))
    if (text !== null && document[0] === BRACE && isJsonDocument(document)) return completionOf(document, text)
    return mayBePlainText ? viewOf(response) : Buffer.alloc(0)
  }
}

const viewOf = (bytes: Uint8Array<ArrayBuffer>): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)

/** Joins chunks in an array that has its own buffer, because it is moved to the store's thread. Buffer.concat may use a pool. */
function owned(chunks: readonly Buffer[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
