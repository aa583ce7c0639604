// Webhook receiver for tests: a real HTTP server that records webhooks and reacts as the test says. It verifies nothing.

import http, { type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { WebhookPayload } from '../src/protocol/webhook.ts'

export interface SeenWebhook {
  readonly path: string
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array<ArrayBuffer>
  readonly payload: WebhookPayload
  /** Whether the connection is closed. */
  readonly isCut: boolean
}

/** What the receiver does: it answers, keeps silent, cuts the connection, or runs a function with the response. */
export type Reaction =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string | Buffer }
  | 'silence'
  | 'cut'
  | ((res: ServerResponse, socket: Socket) => void)

export interface WebhookSink {
  /** `http://127.0.0.1:port`. */
  readonly url: string
  readonly port: number
  /** Webhooks in the order of arrival. */
  readonly seen: readonly SeenWebhook[]
  /** Largest number of requests that were open at once. */
  readonly mostAtOnce: number
  /** Connections so far, those still open, and the bytes received on all. */
  readonly connections: number
  readonly open: number
  readonly bytes: number
  /** Sets the reaction to all further webhooks. */
  react: (seen: SeenWebhook) => Reaction
  /** Resolves with the n-th webhook (from 1) once it has arrived. */
  webhook(n: number): Promise<SeenWebhook>
  close(): Promise<void>
}

export interface SinkWishes {
  readonly react?: (seen: SeenWebhook) => Reaction
  readonly tls?: { readonly key: string; readonly cert: string }
  readonly host?: string
}

export const accepts: Reaction = { status: 204 }

/** Starts a receiver that accepts everything by default, and closes it after the test. */
export async function startWebhookSink({
  react = () => accepts,
  tls,
  host = '127.0.0.1',
}: SinkWishes = {}): Promise<WebhookSink> {
  const seen: SeenWebhook[] = []
  const waiting: (() => void)[] = []
  const open = new Set<ServerResponse>()
  let mostAtOnce = 0
  const handle = (req: http.IncomingMessage, res: ServerResponse): void => {
    open.add(res)
    mostAtOnce = Math.max(mostAtOnce, open.size)
    res.on('close', () => void open.delete(res))
    const chunks: Buffer[] = []
    req.on('error', () => {})
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      const body = new Uint8Array(Buffer.concat(chunks))
      const webhook: SeenWebhook = {
        path: req.url ?? '',
        method: req.method ?? '',
        headers: req.headers,
        body,
        payload: payloadOf(body),
        get isCut() {
          return req.socket.destroyed
        },
      }
      seen.push(webhook)
      perform(sink.react(webhook), res, req.socket)
      for (const wake of waiting.splice(0)) wake()
    })
  }
  const server = tls === undefined ? http.createServer(handle) : https.createServer(tls, handle)
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => void sockets.push(socket))
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const { port } = server.address() as AddressInfo
  const sink: WebhookSink = {
    url: `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    seen,
    get mostAtOnce() {
      return mostAtOnce
    },
    get connections() {
      return sockets.length
    },
    get open() {
      return sockets.filter(({ destroyed }) => !destroyed).length
    },
    get bytes() {
      return sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0)
    },
    react,
    async webhook(n) {
      for (;;) {
        const found = seen[n - 1]
        if (found !== undefined) return found
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  onTestFinished(() => sink.close())
  return sink
}

function payloadOf(body: Uint8Array): WebhookPayload {
  try {
    return JSON.parse(Buffer.from(body).toString()) as WebhookPayload
  } catch {
    return {} as WebhookPayload
  }
}

function perform(reaction: Reaction, res: ServerResponse, socket: Socket): void {
  if (reaction === 'silence') return
  if (reaction === 'cut') socket.resetAndDestroy()
  else if (typeof reaction === 'function') reaction(res, socket)
  else res.writeHead(reaction.status, reaction.headers).end(reaction.body)
}
