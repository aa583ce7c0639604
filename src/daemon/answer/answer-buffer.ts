// Buffer of an async job's answer: its bytes as they come, its records, and at its end the artifacts and the result that the store
// keeps. Pure.

import type { JobOutput } from '../domain/artifact.ts'
import type { Verdict } from '../domain/attempt.ts'
import { ENDPOINTS, type EndpointPath } from '../domain/endpoint.ts'
import type { Measured } from '../domain/job.ts'
import { ByteChunks } from '../text/byte-buffers.ts'
import { completionOf } from './answer-completion.ts'
import { type CompletionDetector, createCompletionDetector } from './completion-detector.ts'
import { isJsonDocument } from './raw-json.ts'
import { BRACE, type OnRecord, trimmed } from './records.ts'
import { AnswerAggregator } from './stream-aggregator.ts'

const TEXT = 'text/plain; charset=utf-8'

export class AnswerBuffer implements CompletionDetector {
  readonly #endpoint: EndpointPath
  readonly #isJson: boolean
  readonly #detector: CompletionDetector
  /** Null where the answer is one document, which is read at its end. */
  readonly #aggregator: AnswerAggregator | null
  readonly #bytes = new ByteChunks()

  /**
   * @param streamed as for createCompletionDetector
   * @param isJson the request asked for a `format`
   */
  constructor(endpoint: EndpointPath, streamed: boolean, isJson: boolean, onRecord: OnRecord = () => {}) {
    this.#endpoint = endpoint
    this.#isJson = isJson
    this.#aggregator = streamed ? new AnswerAggregator(endpoint) : null
    this.#detector = createCompletionDetector(endpoint, streamed, (record, isLast) => {
      this.#aggregator?.add(record, isLast)
      onRecord(record)
    })
  }

  push(chunk: Buffer): void {
    this.#bytes.addCopy(chunk)
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

  /** The answer until now. */
  get chunks(): readonly Buffer[] {
    return this.#bytes.chunks.map(viewOf)
  }

  /** Ends the answer. `contentType`: the target's. `isWhole`: the answer is complete, so the job will be `done`. */
  output(contentType: string | null, isWhole: boolean): JobOutput {
    this.end()
    const response = owned(this.#bytes.chunks, this.#bytes.bytes)
    const artifacts: JobOutput['artifacts'][number][] = []
    if (response.length > 0) {
      artifacts.push({ name: 'response', contentType: contentType ?? 'application/octet-stream', body: response })
    }
    if (!isWhole) return { artifacts, result: null, responseIsResult: false }
    const completion = this.#aggregator === null ? this.#completionOf(viewOf(response)) : this.#aggregator.completion()
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

  #completionOf(response: Buffer): Buffer {
    const { text, mayBePlainText } = ENDPOINTS[this.#endpoint]
    const document = trimmed(response)
    if (text !== null && document[0] === BRACE && isJsonDocument(document)) return completionOf(document, text)
    return mayBePlainText ? response : Buffer.alloc(0)
  }
}

const viewOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)

/** Joins chunks in an array that has its own buffer, because it is moved to the store's thread. Buffer.concat may use a pool. */
function owned(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
