// Table of errors that a caller can get before the answer begins: how each is provoked, and status, message and code of the answer.
// Errors after that point are in scenario.ts.

import type { ErrorCode } from '../../../src/protocol/error.ts'
import { hangsUp, raw, type Script, stalls } from '../../fake-ollama.ts'
import { begin, exchange, post } from '../../ollama/exchange.ts'
import { until } from '../../ollama/foreman.ts'
import { CHATS, MODEL, TURN } from './scenario.ts'
import type { ScenarioRun } from './scenario-run.ts'
import { becomeUnreachable, failEveryChat } from './target-failures.ts'

/** What a client is used for. `method`: a request with a method that the path does not allow. */
export type Operation = 'chat' | 'embedding' | 'management' | 'method'

export interface ErrorQuestion {
  /** Base URL of the server. */
  readonly url: string
  readonly model: string
  readonly prompt?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface ErrorCase {
  readonly name: string
  readonly status: number
  /** The reason phrase. */
  readonly reason: string
  readonly sentence: string
  /** X-Foreman-Error; null for an error of Ollama's. */
  readonly code: ErrorCode | null
  /** Default: a chat. */
  readonly operation?: Operation
  /** Clients that can get it; default: all. */
  readonly appliesTo?: (client: { readonly streams?: boolean; readonly mode: string }) => boolean
  readonly settings?: Readonly<Record<string, string>>
  /** Foreman's time passes only when the case advances it. */
  readonly isStepped?: boolean
  /** It changes more than the answers of the target, so no other case can follow. */
  readonly isLast?: boolean
  /** The clients send their requests one after the other. */
  readonly isOneByOne?: boolean
  /** What is wrong with the request; default: nothing. */
  readonly asked?: Omit<Partial<ErrorQuestion>, 'url'> & {
    /** A host name of this machine instead of its address. */
    readonly host?: string
    /** Path after the base URL. */
    readonly path?: string
  }
  readonly prepare?: (scenarioRun: ScenarioRun) => Promise<void> | void
  /** Called after all requests are sent; `answered` resolves when all have their answers. */
  readonly endWait?: (scenarioRun: ScenarioRun, answered: Promise<unknown>) => Promise<void> | void
}

const EMBEDDINGS = ['/api/embed', '/api/embeddings', '/v1/embeddings']
/** Paths that cases script. */
export const SCRIPTED: readonly string[] = [...CHATS, ...EMBEDDINGS, '/api/me']
const DIED = 'llama-server process has terminated: exit status 2'
const CANNOT = 'registry.ollama.ai/library/tiny-a:latest does not support thinking'
const BUSY = 'server busy, please try again.  maximum pending requests exceeded'

/** A host name that resolves to this machine for every client. */
export const UNKNOWN_HOST = 'foreman.example'

const always =
  (script: Script, paths: readonly string[] = CHATS) =>
  ({ fake }: ScenarioRun): void => {
    for (const path of paths) fake.always(path, script)
  }

const callOf = (headers: Readonly<Record<string, string>> = {}) => {
  const call = post('/api/chat', { model: MODEL, messages: [{ role: 'user', content: 'first' }] })
  return { ...call, headers: { ...call.headers, ...headers } }
}

/** Puts one waiting call into the paused queue. */
const fillQueue =
  (headers: Readonly<Record<string, string>> = {}) =>
  async (scenarioRun: ScenarioRun): Promise<void> => {
    await scenarioRun.pause()
    const { foreman } = scenarioRun
    void begin(foreman.url, callOf(headers)).catch(() => undefined)
    await foreman.shows('one waiting call', ({ queue }) => queue.waiting === 1)
  }

/** Fills the embedding slot and its queue. */
async function fillEmbedQueue(scenarioRun: ScenarioRun): Promise<void> {
  always({ gate: TURN }, EMBEDDINGS)(scenarioRun)
  scenarioRun.fake.hold(TURN)
  const body = JSON.stringify({ model: 'tiny-embed', input: 'x' })
  const head = `POST /api/embed HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`
  await scenarioRun.connectClients(257, head + body)
  const metrics = async () =>
    (await exchange(scenarioRun.foreman.url, { method: 'GET', path: '/metrics' })).body.toString()
  await until('all of them wait', metrics, (text) => /^foreman_embeddings_waiting 256$/m.test(text))
}

/**
 * As many connections as are allowed: FOREMAN_MAX_QUEUE (1), FOREMAN_EMBED_QUEUE (256) and 512. They watch a waiting job, so
 * none of them is closed as idle. Few more are accepted in order to be refused, so the clients connect one by one.
 */
async function fillConnections(scenarioRun: ScenarioRun): Promise<void> {
  await scenarioRun.pause()
  const submitted = await exchange(scenarioRun.foreman.url, { ...callOf(), path: '/jobs' })
  const { job_id } = JSON.parse(submitted.body.toString()) as { readonly job_id: string }
  await scenarioRun.connectClients(769, `GET /jobs/${job_id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`, true)
}

const allWait = ({ foreman, taps }: ScenarioRun) =>
  foreman.shows('all callers waiting', ({ queue }) => queue.waiting === taps.size)

async function cancelAll(scenarioRun: ScenarioRun): Promise<void> {
  await allWait(scenarioRun)
  const { foreman } = scenarioRun
  const { body } = await exchange(foreman.url, { method: 'GET', path: '/jobs?state=queued' })
  const { jobs } = JSON.parse(body.toString()) as { readonly jobs: readonly { readonly job_id: string }[] }
  for (const { job_id } of jobs) await exchange(foreman.url, post(`/jobs/${job_id}/cancel`, {}))
}

/** A run is checked after 30 s of silence, and runs follow one another. */
async function timePasses(scenarioRun: ScenarioRun, answered: Promise<unknown>): Promise<void> {
  const { size } = scenarioRun.taps
  await scenarioRun.foreman.shows('all asked', ({ queue, running }) => running !== null && queue.waiting === size - 1)
  let isOver = false
  void answered.finally(() => {
    isOver = true
  })
  for (let minutes = 0; minutes < 5 * size && !isOver; minutes++) await scenarioRun.advance(60_000)
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
    prepare: ({ fake }) => failEveryChat(fake, 500, DIED),
  },
  {
    name: 'a request that the model cannot do',
    ...{ status: 400, reason: 'Bad Request', sentence: CANNOT, code: null },
    prepare: ({ fake }) => failEveryChat(fake, 400, CANNOT),
  },
  {
    name: 'an unknown path',
    ...{ status: 404, reason: 'Not Found', sentence: '404 page not found', code: null },
    asked: { path: '/nope' },
  },
  {
    name: 'a wrong method',
    ...{ status: 405, reason: 'Method Not Allowed', sentence: '405 method not allowed', code: null },
    operation: 'method',
  },
  {
    name: 'an invalid header',
    ...{ status: 400, reason: 'Bad Request', sentence: 'Idempotency-Key must be 1 to 255 visible ASCII characters' },
    code: 'bad_request',
    asked: { headers: { 'Idempotency-Key': 'k'.repeat(256) } },
  },
  {
    name: 'a missing token',
    ...{ status: 401, reason: 'Unauthorized', sentence: 'unauthorized: the token is missing or wrong' },
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
    name: 'a host that is not allowed',
    ...{ status: 403, reason: 'Forbidden', sentence: `host ${UNKNOWN_HOST} is not allowed; add it to FOREMAN_HOSTS` },
    code: 'host_not_allowed',
    asked: { host: UNKNOWN_HOST },
  },
  {
    name: 'managing models',
    ...{ status: 403, reason: 'Forbidden', sentence: 'managing models through foreman is switched off' },
    ...{ code: 'management_disabled', operation: 'management' },
    // Before a push the command line asks who it is.
    prepare: ({ fake }) => void fake.always('/api/me', { status: 200, body: '{"name":"somebody"}' }),
  },
  {
    name: 'a key that is in use',
    ...{ status: 409, reason: 'Conflict', sentence: 'another caller is waiting with the same Idempotency-Key' },
    code: 'key_in_use',
    asked: { headers: { 'Idempotency-Key': 'one' } },
    isLast: true,
    prepare: fillQueue({ 'Idempotency-Key': 'one' }),
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
    asked: { headers: { 'X-Long': 'x'.repeat(66_000) } },
  },
  {
    name: 'a job that was cancelled',
    ...{ status: 499, reason: 'Client Closed Request', sentence: 'request canceled', code: 'cancelled' },
    prepare: (scenarioRun) => scenarioRun.pause(),
    endWait: cancelAll,
  },
  {
    name: 'an unreachable target',
    ...{ ...BAD_GATEWAY, sentence: 'the target does not answer', code: 'target_unreachable' },
    settings: { FOREMAN_UNREACHABLE_GRACE: '500ms', FOREMAN_POLL_INTERVAL: '500ms' },
    async prepare({ fake, foreman }) {
      becomeUnreachable(fake)
      await foreman.shows('it gone', ({ target }) => target.reachable === false)
    },
  },
  {
    name: 'a target lost in every attempt',
    ...{ ...BAD_GATEWAY, sentence: 'the target was lost 1 times', code: 'attempts_exhausted' },
    settings: { FOREMAN_MAX_ATTEMPTS: '1' },
    prepare: always(hangsUp()),
  },
  {
    name: 'a target that is not Ollama',
    ...{ ...BAD_GATEWAY, sentence: 'something that is not Ollama', code: 'bad_answer' },
    prepare: always(raw('220 mail.example ESMTP\r\n')),
  },
  {
    name: 'a target lost during an embedding',
    ...{ ...BAD_GATEWAY, sentence: 'the connection to the target was lost', code: 'connection_lost' },
    operation: 'embedding',
    prepare: always(hangsUp(), EMBEDDINGS),
  },
  {
    name: 'a full queue',
    ...{ ...UNAVAILABLE, sentence: BUSY, code: 'queue_full' },
    settings: { FOREMAN_MAX_QUEUE: '1' },
    prepare: fillQueue(),
  },
  {
    name: 'too many embeddings',
    ...{ ...UNAVAILABLE, sentence: BUSY, code: 'embed_queue_full', operation: 'embedding' },
    settings: { FOREMAN_EMBED_CONCURRENCY: '1', FOREMAN_EMBED_QUEUE: '256' },
    prepare: fillEmbedQueue,
  },
  {
    name: 'too many connections',
    ...{ ...UNAVAILABLE, sentence: 'server busy, please try again: too many connections' },
    ...{ code: 'too_many_connections', isOneByOne: true },
    settings: { FOREMAN_MAX_QUEUE: '1', FOREMAN_EMBED_QUEUE: '256' },
    appliesTo: ({ mode }) => mode === 'streamed',
    prepare: fillConnections,
  },
  {
    name: 'a full disk',
    ...{ ...UNAVAILABLE, sentence: 'foreman is out of disk space', code: 'storage_full' },
    settings: { FOREMAN_MIN_FREE: '16384GiB' },
  },
  {
    name: 'a foreman that is stopping',
    ...{ ...UNAVAILABLE, sentence: 'foreman is shutting down', code: 'shutting_down' },
    prepare: (scenarioRun) => scenarioRun.pause(),
    async endWait(scenarioRun) {
      await allWait(scenarioRun)
      await scenarioRun.foreman.stop()
    },
  },
  {
    name: 'a run that takes too long',
    ...{ ...TIMEOUT, sentence: 'the job ran longer than', code: 'run_limit' },
    settings: { FOREMAN_RUN_LIMIT: '200ms' },
    prepare: always(stalls()),
  },
  {
    // For a streamed run: the duration of an unstreamed answer cannot be predicted.
    name: 'a model that stops sending',
    ...{ ...TIMEOUT, sentence: 'no byte came from the model for 1m', code: 'stalled', isStepped: true },
    settings: { FOREMAN_STALL_LIMIT: '1m' },
    appliesTo: ({ streams }) => streams === true,
    prepare: always(stalls()),
    endWait: timePasses,
  },
]

/** Codes of the table of errors that none of these clients can get, and the reason. */
export const NEVER_MET: Readonly<Partial<Record<ErrorCode, string>>> = {
  unsupported_encoding: 'no client compresses its body, or writes it in UTF-16',
  ambiguous_key: 'no client writes a key of its body twice, or in capitals',
  request_timeout: 'no client takes a minute over its request',
  webhook_refused: 'of /jobs',
  model_not_found: 'of /jobs; elsewhere it is said as Ollama says it',
  not_found: 'of /jobs',
  method_not_allowed: 'of /jobs',
  job_not_found: 'of /jobs',
  artifact_not_found: 'of /jobs',
  delivery_not_found: 'of /jobs',
  job_active: 'of /jobs',
  body_gone: 'of /jobs',
  range_not_satisfiable: 'of /jobs',
  key_reused: 'of /jobs; a call that is waited for frees its key at its end',
  caller_gone: 'nobody is left to read it',
  internal: 'a bug',
  loop_detected: 'takes a target that is foreman itself',
  not_implemented: 'no client sends a body in another transfer coding than chunked',
  too_much_in_flight: 'takes 256 MiB of requests at once',
  outcome_unknown: 'takes a disk that fails',
  target_error: "the target's own error passes as it came, without a code",
  answer_too_large: 'of /jobs',
  start_before_passed: 'of /jobs',
  finish_before_passed: 'of /jobs',
  crashed: 'nobody is left to read it',
}
