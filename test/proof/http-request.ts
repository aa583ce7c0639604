// HTTP request to a daemon that may die at any time. It is sent once, on its own connection; the result says what arrived and how it
// ended.

import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'

export interface HttpRequest {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Aborts the request. */
  readonly signal?: AbortSignal
  /** Called with each piece of the answer. */
  readonly onData?: (text: string) => void
}

export type HttpResult =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly headers: IncomingHttpHeaders
      readonly body: string
      readonly ending: 'whole' | 'cut' | 'left'
    }
  /** No response head arrived. `refused`: no process listens, so the request cannot have been accepted. */
  | { readonly kind: 'nothing'; readonly why: 'refused' | 'cut' | 'left' }

/** For requests that hang, which would be a bug: no answer in a run takes half as long. */
const REQUEST_TIMEOUT_MS = 300_000

export function sendRequest(
  base: string,
  { method = 'GET', path, headers = {}, body, signal, onData }: HttpRequest,
): Promise<HttpResult> {
  return new Promise((resolve) => {
    const agent = new Agent({ keepAlive: false })
    const req = request(`${base}${path}`, {
      method,
      agent,
      headers: { 'Content-Type': 'application/json', ...headers },
    })
    const leave = (): void => void req.destroy()
    const timer = setTimeout(leave, REQUEST_TIMEOUT_MS)
    const done = (answered: HttpResult): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', leave)
      agent.destroy()
      resolve(answered)
    }
    const hasLeft = (): boolean => signal?.aborted === true
    signal?.addEventListener('abort', leave)
    if (hasLeft()) leave()
    let isAnswered = false
    req.on('response', (response: IncomingMessage) => {
      isAnswered = true
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        onData?.(chunk.toString('utf8'))
      })
      response.on('error', () => undefined)
      response.on('close', () => {
        // After an abort, bytes may be missing even if the response is complete.
        const ending = hasLeft() ? 'left' : response.complete ? 'whole' : 'cut'
        const text = Buffer.concat(chunks).toString('utf8')
        done({ kind: 'answered', status: response.statusCode ?? 0, headers: response.headers, body: text, ending })
      })
    })
    req.on('error', (error: NodeJS.ErrnoException) => {
      if (isAnswered) return
      done({ kind: 'nothing', why: error.code === 'ECONNREFUSED' ? 'refused' : hasLeft() ? 'left' : 'cut' })
    })
    // A request that is destroyed before it connects emits no error.
    req.on('close', () => {
      if (!isAnswered) done({ kind: 'nothing', why: hasLeft() ? 'left' : 'cut' })
    })
    req.end(body)
  })
}
