// Owns the errors that a caller can meet while he still can be given a status: how each is brought about, and what is true
// of its answer on every surface. Those that come after the answer has begun are scenarios.

import { hangsUp, raw, type Script, stalls } from '../../fake-ollama.ts'
import { begin, exchange, post } from '../../ollama/exchange.ts'
import { failsEverywhere, isGone } from './failing.ts'
import { MODEL } from './scenario.ts'
import type { Stage } from './stage.ts'

export interface ErrorCase {
  readonly name: string
  readonly status: number
  /** The words behind the status. */
  readonly reason: string
  readonly sentence: string
  /** X-Foreman-Error; null: Ollama's own error. */
  readonly code: string | null
  readonly settings?: Readonly<Record<string, string>>
  /** What the caller does wrong; default: nothing. */
  readonly asked?: {
    readonly model?: string
    readonly prompt?: string
    readonly headers?: Readonly<Record<string, string>>
  }
  readonly prepare?: (stage: Stage) => Promise<void> | void
  /** Once everybody waits in the queue; only of those that end a wait. */
  readonly endWait?: (stage: Stage) => Promise<void> | void
}

const CHATS = ['/api/chat', '/api/generate', '/v1/chat/completions', '/v1/messages']
const DIED = 'llama-server process has terminated: exit status 2'
const CANNOT = 'registry.ollama.ai/library/tiny-a:latest does not support thinking'
const BUSY = 'server busy, please try again.  maximum pending requests exceeded'

const always =
  (script: Script) =>
  ({ fake }: Stage): void => {
    for (const path of CHATS) fake.always(path, script)
  }

/** Somebody waits in the paused queue already. */
const occupied =
  (headers: Readonly<Record<string, string>> = {}) =>
  async (stage: Stage): Promise<void> => {
    await stage.pause()
    const { foreman } = stage
    const call = post('/api/chat', { model: MODEL, messages: [{ role: 'user', content: 'first' }] })
    void begin(foreman.url, { ...call, headers: { ...call.headers, ...headers } }).catch(() => undefined)
    await foreman.shows('one waiting', ({ queue }) => queue.waiting === 1)
  }

async function cancelAll({ foreman }: Stage): Promise<void> {
  const { body } = await exchange(foreman.url, { method: 'GET', path: '/jobs?state=queued' })
  const { jobs } = JSON.parse(body.toString()) as { readonly jobs: readonly { readonly job_id: string }[] }
  for (const { job_id } of jobs) await exchange(foreman.url, post(`/jobs/${job_id}/cancel`, {}))
}

const BAD_GATEWAY = { status: 502, reason: 'Bad Gateway' } as const
const UNAVAILABLE = { status: 503, reason: 'Service Unavailable' } as const
const TIMEOUT = { status: 504, reason: 'Gateway Timeout' } as const

export const ERROR_CASES: readonly ErrorCase[] = [
  {
    name: 'a model that is not installed',
    ...{ status: 404, reason: 'Not Found', sentence: "model 'nope' not found", code: null },
    asked: { model: 'nope' },
  },
  {
    name: 'a model that cannot be loaded',
    ...{ status: 500, reason: 'Internal Server Error', sentence: DIED, code: null },
    prepare: ({ fake }) => failsEverywhere(fake, 500, DIED),
  },
  {
    name: 'a request that the model cannot do',
    ...{ status: 400, reason: 'Bad Request', sentence: CANNOT, code: null },
    prepare: ({ fake }) => failsEverywhere(fake, 400, CANNOT),
  },
  {
    name: 'no token',
    ...{ status: 401, reason: 'Unauthorized', sentence: 'unauthorized: this foreman needs its token' },
    code: 'unauthorized',
    settings: { FOREMAN_TOKEN: 'secret' },
  },
  {
    name: 'an origin that is not allowed',
    ...{ status: 403, reason: 'Forbidden', sentence: 'origin http://other.example is not allowed' },
    code: 'origin_not_allowed',
    asked: { headers: { Origin: 'http://other.example' } },
  },
  {
    name: 'a key that is in use',
    ...{ status: 409, reason: 'Conflict', sentence: 'another caller is waiting with the same Idempotency-Key' },
    code: 'key_in_use',
    asked: { headers: { 'Idempotency-Key': 'one' } },
    prepare: occupied({ 'Idempotency-Key': 'one' }),
  },
  {
    name: 'a body that is too large',
    ...{ status: 413, reason: 'Request Entity Too Large', sentence: 'request body is larger than 1KiB' },
    code: 'body_too_large',
    settings: { FOREMAN_MAX_BODY: '1KiB' },
    asked: { prompt: 'hello '.repeat(500) },
  },
  {
    name: 'headers that are too large',
    ...{ status: 431, reason: 'Request Header Fields Too Large', sentence: 'request headers are too large' },
    code: 'headers_too_large',
    asked: { headers: { 'X-Long': 'x'.repeat(17_000) } },
  },
  {
    name: 'a job that was cancelled',
    ...{ status: 499, reason: 'Client Closed Request', sentence: 'request canceled', code: 'cancelled' },
    prepare: (stage) => stage.pause(),
    endWait: cancelAll,
  },
  {
    name: 'a target that is gone',
    ...{ ...BAD_GATEWAY, sentence: 'the target does not answer', code: 'target_unreachable' },
    settings: { FOREMAN_UNREACHABLE_GRACE: '500ms', FOREMAN_POLL_INTERVAL: '500ms' },
    async prepare({ fake, foreman }) {
      isGone(fake)
      await foreman.shows('it gone', ({ target }) => target.reachable === false)
    },
  },
  {
    name: 'a target that goes down each time',
    ...{ ...BAD_GATEWAY, sentence: 'the target was lost 1 times', code: 'attempts_exhausted' },
    settings: { FOREMAN_MAX_ATTEMPTS: '1' },
    prepare: always(hangsUp()),
  },
  {
    name: 'a target that is no Ollama',
    ...{ ...BAD_GATEWAY, sentence: 'something that is not Ollama', code: 'bad_answer' },
    prepare: always(raw('220 mail.example ESMTP\r\n')),
  },
  {
    name: 'a full queue',
    ...{ ...UNAVAILABLE, sentence: BUSY, code: 'queue_full' },
    settings: { FOREMAN_MAX_QUEUE: '1' },
    prepare: occupied(),
  },
  {
    name: 'a full disk',
    ...{ ...UNAVAILABLE, sentence: 'foreman is out of disk space', code: 'storage_full' },
    settings: { FOREMAN_MIN_FREE: '16384GiB' },
  },
  {
    name: 'a foreman that is stopped',
    ...{ ...UNAVAILABLE, sentence: 'foreman is shutting down', code: 'shutting_down' },
    prepare: (stage) => stage.pause(),
    endWait: ({ foreman }) => foreman.stop(),
  },
  {
    name: 'a run that takes too long',
    ...{ ...TIMEOUT, sentence: 'the job ran longer than', code: 'run_limit' },
    settings: { FOREMAN_RUN_LIMIT: '200ms' },
    prepare: always(stalls()),
  },
]
