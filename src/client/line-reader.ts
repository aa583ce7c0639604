// Lines of an NDJSON body. Blank lines and surrounding white space (heartbeats) are removed.

import { UnexpectedServerError } from './error.ts'

/** Twice the default FOREMAN_MAX_ANSWER: an unstreamed answer is one line. */
const MAX_LINE_BYTES = 128 * 1024 ** 2

/** `onBytes` is called for each chunk, heartbeats included. Throws if the body is cut; an unfinished line is dropped. */
export async function* linesOf(body: ReadableStream<Uint8Array>, onBytes?: () => void): AsyncGenerator<string, void> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let kept = ''
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) break
      onBytes?.()
      const [first = '', ...others] = decoder.decode(value, { stream: true }).split('\n')
      // Do not search the kept part again: a long line in small chunks would take quadratic time.
      kept = kept === '' ? first.trimStart() : kept + first
      if (kept.length > MAX_LINE_BYTES)
        throw new UnexpectedServerError(`a line of more than ${MAX_LINE_BYTES} characters`)
      for (const next of others) {
        if (kept.trim() !== '') yield kept.trim()
        kept = next.trimStart()
      }
    }
    if (kept.trim() !== '') yield kept.trim()
  } finally {
    // Stops the body if the caller leaves early. Does nothing after the end of the body.
    reader.cancel().catch(() => undefined)
  }
}
