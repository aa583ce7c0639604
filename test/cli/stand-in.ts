// HTTP server in place of a daemon: it answers what a test sets, and records the requests.

import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { holdPort } from '../held-port.ts'

export interface StandIn {
  readonly url: string
  readonly asked: readonly { method: string; path: string; authorization: string | undefined }[]
}

export async function standIn(answer: RequestListener): Promise<StandIn> {
  const asked: { method: string; path: string; authorization: string | undefined }[] = []
  const server = createServer((req: IncomingMessage, res) => {
    asked.push({ method: req.method ?? '', path: req.url ?? '', authorization: req.headers.authorization })
    answer(req, res)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((closed) => server.close(closed))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

/** Answers everything with one document. */
export const answering =
  (status: number, document: unknown, headers: Readonly<Record<string, string>> = {}): RequestListener =>
  (_req, res) => {
    res.writeHead(status, { 'content-type': 'application/json', ...headers })
    res.end(typeof document === 'string' ? document : JSON.stringify(document))
  }

/** An address at which no program listens while the test runs. */
export async function deadUrl(): Promise<string> {
  const { port, release } = await holdPort()
  onTestFinished(release)
  return `http://127.0.0.1:${port}`
}

export const IDLE: StatusDocument = {
  version: '0.1.0',
  phase: 'ready',
  paused: false,
  pause: { paused: false, since: null, until: null, unload: null },
  degraded: false,
  target: {
    url: 'http://mac.local:11434',
    reachable: true,
    reason: null,
    version: '0.17.4',
    probed_at: '2026-01-01T12:00:00.000Z',
    resident: [],
    slots_too_few: false,
  },
  running: null,
  queue: { waiting: 0, bytes: 0, by_model: [], oldest_wait_ms: null },
  drain: { affinity: null, swapped_at: null, drained_ms: 0, limit_ms: 900_000, turns_to: null, turns_at: null },
  counters: { callers: 0, jobs: {}, swaps: 0, swaps_saved: 0, loads: { predicted: 0, happened: 0, unforeseen: 0 } },
}

export const BUSY: StatusDocument = {
  ...IDLE,
  target: {
    ...IDLE.target,
    resident: [
      {
        model: 'qwen3:14b',
        size: 9_985_798_144,
        size_vram: 9_985_798_144,
        context_length: 8192,
        expires_at: '2026-01-01T12:25:00Z',
      },
      {
        model: 'nomic-embed-text:latest',
        size: 565_000_000,
        size_vram: 565_000_000,
        context_length: 2048,
        expires_at: '2318-04-12T00:00:00Z',
      },
    ],
  },
  running: {
    job_id: '01KDWS9F3K8E6YJ5T9S1R2Q3WX',
    model: 'qwen3:14b',
    endpoint: '/api/chat',
    state: 'working',
    attempt: 2,
    caller: 'live',
    running_ms: 72_000,
    silent_ms: 400,
    bytes: 14_336,
  },
  queue: {
    waiting: 12,
    bytes: 2_621_440,
    by_model: [
      {
        model: 'qwen3:30b-a3b-instruct-2507-q4_K_M-with-a-name-that-takes-more-than-one-line',
        waiting: 10,
        oldest_wait_ms: 250_000,
        waiting_for: { reason: 'running', since: '2026-01-01T11:58:48Z', job_id: '01KDWS9F3K8E6YJ5T9S1R2Q3WX' },
      },
      { model: 'tiny\u001b[31mred\u202e', waiting: 2, oldest_wait_ms: 3_900_000, waiting_for: null },
    ],
    oldest_wait_ms: 3_900_000,
  },
}
