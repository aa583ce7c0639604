// Owns one HTTP request of a client that is used to daemons that die: what came, and how it ended. It retries nothing, and
// leaves no socket behind.

import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'

export interface Asked {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Hangs up. */
  readonly signal?: AbortSignal
  /** Each piece of the answer as it comes. */
  readonly onData?: (text: string) => void
}

export type Answered =
  | {
      readonly kind: 'answered'
      readonly status: number
      readonly headers: IncomingHttpHeaders
      readonly body: string
      readonly ending: 'whole' | 'cut' | 'left'
    }
  /** No head came. `refused`: nobody listens, so that nothing can have been taken. */
  | { readonly kind: 'nothing'; readonly why: 'refused' | 'cut' | 'left' }

/** A bound for what hangs, which would be a bug: no answer in a run takes half as long. */
const LONGEST_MS = 300_000

export function ask(
  base: string,
  { method = 'GET', path, headers = {}, body, signal, onData }: Asked,
): Promise<Answered> {
  return new Promise((resolve) => {
    const agent = new Agent({ keepAlive: false })
    const req = request(`${base}${path}`, {
      method,
      agent,
      headers: { 'Content-Type': 'application/json', ...headers },
    })
    const leave = (): void => void req.destroy()
    const timer = setTimeout(leave, LONGEST_MS)
    const done = (answered: Answered): void => {
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
        // Who left may have missed what came before the end, however complete it was.
        const ending = hasLeft() ? 'left' : response.complete ? 'whole' : 'cut'
        const text = Buffer.concat(chunks).toString('utf8')
        done({ kind: 'answered', status: response.statusCode ?? 0, headers: response.headers, body: text, ending })
      })
    })
    req.on('error', (error: NodeJS.ErrnoException) => {
      if (isAnswered) return
      done({ kind: 'nothing', why: error.code === 'ECONNREFUSED' ? 'refused' : hasLeft() ? 'left' : 'cut' })
    })
    // Destroyed before it was anything: no error is told.
    req.on('close', () => {
      if (!isAnswered) done({ kind: 'nothing', why: hasLeft() ? 'left' : 'cut' })
    })
    req.end(body)
  })
}
