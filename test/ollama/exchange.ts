// Raw HTTP request of a test, and its raw answer: without default headers, redirects or decoding.

import { type IncomingMessage, request } from 'node:http'

export interface Call {
  readonly method: string
  /** The exact path in the request line. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  /** Without a Content-Length. */
  readonly chunked?: boolean
}

export interface Answer {
  readonly status: number
  readonly reason: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  /** False when the connection was cut before the end. */
  readonly complete: boolean
}

/** Sends `call` to the server at `base` on a separate connection, and reads the answer to its end. */
export async function exchange(base: string, call: Call): Promise<Answer> {
  const response = await begin(base, call)
  const chunks: Buffer[] = []
  try {
    for await (const chunk of response) chunks.push(chunk)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ECONNRESET')) throw error
  }
  return {
    status: response.statusCode ?? 0,
    reason: response.statusMessage ?? '',
    headers: pairs(response.rawHeaders),
    body: Buffer.concat(chunks),
    complete: response.complete,
  }
}

/** Resolves at the answer's head. The caller reads the body, or hangs up with `destroy()`. */
export function begin(base: string, call: Call, signal?: AbortSignal): Promise<IncomingMessage> {
  const { hostname, port } = new URL(base)
  const { method, path, headers = {}, body, chunked = false } = call
  return new Promise((resolve, reject) => {
    const framing = body === undefined || chunked ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }
    const sent = request({
      ...{ hostname, port, method, path, agent: false },
      ...(signal === undefined ? {} : { signal }),
      headers: { ...framing, ...headers },
    })
    sent.once('error', reject).once('response', resolve)
    if (chunked && body !== undefined) {
      // Two writes: with one, Node would count the bytes itself.
      sent.write(body.slice(0, 1))
      sent.end(body.slice(1))
    } else sent.end(body)
  })
}

function pairs(raw: readonly string[]): (readonly [string, string])[] {
  const all: (readonly [string, string])[] = []
  for (let index = 0; index + 1 < raw.length; index += 2) all.push([raw[index] ?? '', raw[index + 1] ?? ''])
  return all
}

/** A POST of a JSON body. */
export const post = (path: string, body: unknown): Call => ({
  method: 'POST',
  path,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
})
