// Small HTTP server in place of Ollama: it records requests and answers what the test sets.

import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

export type Answering = (seen: SeenRequest, res: ServerResponse, req: IncomingMessage) => void

export interface SmallTarget {
  readonly url: string
  readonly seen: SeenRequest[]
  /** Resolves with the n-th request (from 1) once it was read. */
  request(n: number): Promise<SeenRequest>
  close(): Promise<void>
}

/** `early`: answers before the body was read. */
export async function startSmallTarget(
  answer: Answering,
  early?: (req: IncomingMessage, res: ServerResponse) => boolean,
): Promise<SmallTarget> {
  const seen: SeenRequest[] = []
  const waiting: (() => void)[] = []
  // Like Ollama, it never closes an idle connection. Another test covers a connection that is closed while it is reused.
  const server = http.createServer({ keepAliveTimeout: 0 }, (req, res) => {
    if (early?.(req, res) === true) return
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('error', () => {})
    req.on('end', () => {
      const request = {
        method: req.method ?? '',
        url: req.url ?? '',
        headers: req.headers,
        body: Buffer.concat(chunks),
      }
      seen.push(request)
      for (const wake of waiting.splice(0)) wake()
      answer(request, res, req)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  onTestFinished(close)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async request(n) {
      for (;;) {
        const found = seen[n - 1]
        if (found !== undefined) return found
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
    close,
  }
}

/** Answers everything with `{}` at once. */
export const answersEmpty: Answering = (_seen, res) => {
  res.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' }).end('{}')
}
