// Helpers for tests of embeddings: a request, a way to send it, and a small target that misuses its connections.

import { createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import type { TargetOptions } from '../../src/daemon/ollama/send.ts'
import type { Target, TargetRequest } from '../../src/daemon/ollama/target.ts'
import { CollectingSink } from './collecting-sink.ts'
import { type SentJob, targetAt } from './with-target.ts'

export const PATH = '/api/embed'

export const embedding = (input = 'x', headers: Record<string, string> = {}): TargetRequest => ({
  ...{ method: 'POST', path: PATH, headers: { 'content-type': 'application/json', ...headers } },
  body: Buffer.from(JSON.stringify({ model: 'tiny-embed', input })),
})

export function send(target: Target, request = embedding(), sink = new CollectingSink()): SentJob {
  return { sink, exchange: target.sendEmbedding(request, sink) }
}

/** A small target: `serve` gets each connection and its number. */
export async function rough(
  serve: (socket: Socket, number: number) => void,
  options: Partial<TargetOptions> = {},
): Promise<{ target: Target; count: () => number }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    serve(socket, sockets.push(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { target: targetAt(`http://127.0.0.1:${address.port}`, options), count: () => sockets.length }
}

export const answer = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`
