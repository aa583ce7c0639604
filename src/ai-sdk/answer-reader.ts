// Reader that turns the records of a native chat into the parts of an SDK answer, live and as a whole. Pure; one for each attempt.

import type { Content, FinishReason, JsonObject, StreamPart, Usage } from './specification.ts'

type AnswerFields = Readonly<Record<string, unknown>>
type ContentBlock = 'text' | 'reasoning'

const isFields = (it: unknown): it is AnswerFields => typeof it === 'object' && it !== null && !Array.isArray(it)
const wordAt = (it: AnswerFields, key: string): string => (typeof it[key] === 'string' ? it[key] : '')
const countAt = (it: AnswerFields, key: string): number | undefined =>
  typeof it[key] === 'number' ? it[key] : undefined

export class SdkAnswerReader {
  readonly content: Content[] = []
  readonly #jobId: string
  #open: { readonly block: ContentBlock; readonly id: string } | null = null
  #blocks = 0
  #toolCalls = 0
  #last: AnswerFields = {}

  constructor(jobId: string) {
    this.#jobId = jobId
  }

  /** The target has said that this is all. */
  get isWhole(): boolean {
    return this.#last['done'] === true
  }

  /** A record that is not one of a chat brings nothing. */
  read(record: unknown): StreamPart[] {
    if (!isFields(record)) return []
    const message = isFields(record['message']) ? record['message'] : {}
    const parts = [
      ...this.#said('reasoning', wordAt(message, 'thinking')),
      ...this.#said('text', wordAt(message, 'content')),
      ...this.#called(message['tool_calls']),
    ]
    if (record['done'] === true) this.#last = record
    return parts
  }

  /** What is still open is closed. */
  end(): StreamPart[] {
    if (this.#open === null) return []
    const { block, id } = this.#open
    this.#open = null
    return [{ type: `${block}-end`, id }]
  }

  get finishReason(): FinishReason {
    const raw = wordAt(this.#last, 'done_reason')
    const isKnown = raw === 'stop' || raw === 'length'
    // A model that calls a tool says "stop" as well.
    const unified = this.#toolCalls > 0 && raw !== 'length' ? 'tool-calls' : isKnown ? raw : 'other'
    return { unified, raw: raw === '' ? undefined : raw }
  }

  /** As the target counts. Ollama reports cached tokens since 0.34, and never those of the thinking. */
  get usage(): Usage {
    const total = countAt(this.#last, 'prompt_eval_count')
    const cacheRead = countAt(this.#last, 'prompt_eval_cached_count')
    const noCache = total === undefined || cacheRead === undefined ? undefined : total - cacheRead
    const numbers = Object.entries(this.#last).filter(([, value]) => typeof value === 'number')
    return {
      inputTokens: { total, noCache, cacheRead, cacheWrite: undefined },
      outputTokens: { total: countAt(this.#last, 'eval_count'), text: undefined, reasoning: undefined },
      raw: Object.fromEntries(numbers) as JsonObject,
    }
  }

  #said(block: ContentBlock, delta: string): StreamPart[] {
    if (delta === '') return []
    const opening: StreamPart[] = []
    if (this.#open?.block !== block) {
      opening.push(...this.end())
      this.#open = { block, id: `${block}-${this.#blocks++}` }
      opening.push({ type: `${block}-start`, id: this.#open.id })
      this.content.push({ type: block, text: '' })
    }
    const last = this.content.at(-1)
    if (last !== undefined && last.type !== 'tool-call') last.text += delta
    return [...opening, { type: `${block}-delta`, id: this.#open.id, delta }]
  }

  #called(calls: unknown): StreamPart[] {
    if (!Array.isArray(calls)) return []
    return calls.flatMap((call: unknown) => {
      const asked = isFields(call) && isFields(call['function']) ? call['function'] : null
      if (!isFields(call) || asked === null) return []
      const n = this.#toolCalls++
      const id = wordAt(call, 'id') || `${this.#jobId}-${n}`
      const toolName = wordAt(asked, 'name')
      const { arguments: given = {} } = asked
      const input = typeof given === 'string' ? given : JSON.stringify(given)
      const whole = { type: 'tool-call', toolCallId: id, toolName, input } as const
      const closing = this.end()
      this.content.push(whole)
      return [
        ...closing,
        { type: 'tool-input-start', id, toolName },
        { type: 'tool-input-delta', id, delta: input },
        { type: 'tool-input-end', id },
        whole,
      ] satisfies StreamPart[]
    })
  }
}
