// Owns how a body of NDJSON becomes lines. Blank ones and the white space around them (heartbeats) are left out.

import { UnexpectedServerError } from './error.ts'

/** Twice what foreman keeps of an answer by default, which an unstreamed one brings in one line. */
const MAX_LINE_BYTES = 128 * 1024 ** 2

/** `onBytes` is called whenever something came, a beat included. A cut body rejects; what it left of a line is dropped. */
export async function* linesOf(body: ReadableStream<Uint8Array>, onBytes: () => void): AsyncGenerator<string, void> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let kept = ''
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) break
      onBytes()
      const [first = '', ...others] = decoder.decode(value, { stream: true }).split('\n')
      // Added to, never searched again: a long line in small pieces must not cost its square.
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
    // Whoever leaves in the middle wants no more of it; the end of a body that was read is no failure.
    reader.cancel().catch(() => undefined)
  }
}
