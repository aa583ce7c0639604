// Table of errors on the wire: one row for each code, with how to provoke it on each API and the expected status line, message and
// headers. It does not read foreman's own table.

import type { ErrorCode } from '../../src/protocol/error.ts'
import type { JobDocument, StatusDocument } from '../../src/protocol/wire.ts'
import { call, chat, read } from '../caller.ts'
import { breaksWith, FakeOllama, hangsUp, raw, type Script, stalls, unmarked } from '../fake-ollama.ts'
import { type ForemanOptions, passTime, type Running, startForeman, until } from '../harness.ts'
import { type Asked, ask, type Reply } from './asked-line.ts'
import { COUNT, DIRECT, EMBEDDINGS, EVERYWHERE, JOBS, LIVE, type Place, READING, type Shape } from './error-places.ts'
import { HOP, type HttpHarnessOptions, knownTarget, startHttpHarness } from './http-harness.ts'
import { act, CHAT, inState, post, submit } from './jobs/submission.ts'
import { startSmallTarget } from './small-target.ts'

export interface Row {
  readonly code: ErrorCode
  readonly places: readonly Place[]
  /** Status with its reason phrase. */
  readonly line: string
  readonly says: string
  /** Retry-After, if it is always the same. Default: any whole number of seconds on a 503, otherwise none. */
  readonly retryAfter?: string
  readonly allow?: string
  /** Its form on all surfaces, because the path is not known yet. */
  readonly shape?: Shape
  readonly provoke: (place: Place) => Promise<Reply>
}

type Foreman = Running & { readonly fake: FakeOllama }

/** Starts the whole program, lets `go` cause the error, and stops the target. */
async function within(
  config: ForemanOptions['config'],
  go: (foreman: Foreman) => Promise<Reply>,
  more: ForemanOptions = {},
) {
  await using fake = await FakeOllama.start()
  const running = await startForeman(fake, { ...more, config: { heartbeatMs: 0, ...config } })
  return await go({ ...running, fake })
}

/** An invalid request. */
const wrong =
  (asked: Partial<Asked>, config: ForemanOptions['config'] = {}) =>
  ({ path, body }: Place): Promise<Reply> =>
    within(config, async ({ url }) => (await ask(url, { path, body, ...asked })).reply())

/** A valid request to a target with this answer. */
const answered =
  (
    script: (place: Place) => Script,
    config: ForemanOptions['config'] = {},
    pass?: (foreman: Foreman) => Promise<void>,
  ) =>
  (place: Place): Promise<Reply> =>
    within(config, async (foreman) => {
      foreman.fake.always(place.path, script(place))
      const stream = pass !== undefined
      const line = await ask(foreman.url, { path: place.path, body: { ...place.body, stream } })
      if (pass !== undefined) {
        await foreman.fake.next(place.path)
        await pass(foreman)
      }
      return line.reply()
    })

/** The server alone, where its limits are too wide to be reached. */
async function serverWith(options: HttpHarnessOptions) {
  const target = await startSmallTarget(() => {})
  const harness = await startHttpHarness(target, options)
  harness.status = knownTarget(0)
  return harness
}

const waiting = async (url: string): Promise<number> => (await read<StatusDocument>(url, '/status')).queue.waiting

/** Puts a waiting call into the paused queue. */
async function occupy(url: string, headers: Record<string, string> = {}): Promise<void> {
  await call(url, { path: '/pause' })
  chat(url, 'tiny-a', {}, headers)
  await until('one waits', async () => (await waiting(url)) === 1)
}

/** A request under `/jobs` for a job that is done. */
const ofJob = (asked: (id: string) => Asked) => (): Promise<Reply> =>
  within({}, async ({ url }) => {
    const { job_id } = await submit(url)
    await inState(url, job_id, 'done')
    return nameless(job_id, await (await ask(url, asked(job_id))).reply())
  })

/** Removes ids, which the table does not contain. */
const nameless = (id: string, reply: Reply): Reply => ({ ...reply, body: reply.body.replaceAll(id, 'ID') })

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
const isNative = ({ shape }: Place): boolean => shape === 'native'
const BUSY = 'server busy, please try again'
const BAD_GATEWAY = '502 Bad Gateway'
const UNAVAILABLE = '503 Service Unavailable'
const KEY = { 'Idempotency-Key': 'one' }
const NOBODY = '01KAJ5Z0000000000000000000'

export const ROWS: readonly Row[] = [
  {
    ...{
      code: 'bad_request',
      line: '400 Bad Request',
      says: 'more than one Host header: send one',
      places: EVERYWHERE,
    },
    provoke: wrong({ headers: ['Host: localhost'] }),
  },
  {
    ...{ code: 'ambiguous_key', line: '400 Bad Request', says: 'ambiguous key "Model": write "model", once' },
    places: READING,
    provoke: ({ path, body }) => wrong({ body: { ...body, Model: 'tiny-b' } })({ path, body, shape: 'native' }),
  },
  {
    ...{ code: 'unauthorized', line: '401 Unauthorized', says: 'unauthorized: the token is missing or wrong' },
    places: EVERYWHERE,
    provoke: wrong({ headers: ['Authorization: Bearer ollama'] }, { token: 'sesame' }),
  },
  {
    ...{ code: 'host_not_allowed', line: '403 Forbidden', places: EVERYWHERE },
    says: 'host evil.example is not allowed; add it to FOREMAN_HOSTS',
    provoke: wrong({ host: 'evil.example' }),
  },
  {
    ...{ code: 'origin_not_allowed', line: '403 Forbidden', places: EVERYWHERE },
    says: 'origin http://evil.example is not allowed; add it to FOREMAN_ORIGINS',
    provoke: wrong({ headers: ['Origin: http://evil.example'] }),
  },
  {
    ...{ code: 'management_disabled', line: '403 Forbidden' },
    says: 'managing models through foreman is switched off; set FOREMAN_ALLOW_MANAGEMENT=true, or ask the target itself',
    places: ['/api/pull', '/api/create'].map((path) => ({ path, shape: 'native', body: { model: 'tiny-a' } })),
    provoke: wrong({}),
  },
  {
    ...{ code: 'request_timeout', line: '408 Request Timeout', says: 'the request did not arrive in time' },
    places: EVERYWHERE,
    provoke: ({ path }) =>
      within({}, async ({ url, clock }) => {
        const line = await ask(url, { path, body: '{', headers: ['Content-Length: 9'] })
        await until('it is refused', () => {
          clock.advance(5_000)
          return line.hasHead
        })
        return line.reply()
      }),
  },
  {
    ...{ code: 'webhook_refused', line: '400 Bad Request', places: JOBS },
    says: 'state_webhook_url has the scheme ftp: only http and https are allowed',
    provoke: wrong({ body: { ...CHAT, state_webhook_url: 'ftp://localhost/' } }),
  },
  {
    ...{ code: 'model_not_found', line: '404 Not Found', says: "model 'nope' not found", places: JOBS },
    provoke: () =>
      within({}, async ({ url }) => {
        await until('the models are known', async () => (await read<StatusDocument>(url, '/status')).target.version)
        return (await ask(url, { path: '/jobs', body: { ...CHAT, model: 'nope' } })).reply()
      }),
  },
  {
    ...{ code: 'not_found', line: '404 Not Found', says: 'unknown path', places: JOBS },
    provoke: wrong({ path: '/jobs/x/nothing' }),
  },
  {
    ...{ code: 'method_not_allowed', line: '405 Method Not Allowed', places: JOBS, allow: 'HEAD, GET, POST' },
    says: 'method PUT is not allowed here; allowed: HEAD, GET, POST',
    provoke: wrong({ method: 'PUT' }),
  },
  {
    ...{ code: 'job_not_found', line: '404 Not Found', says: `no job ${NOBODY}`, places: JOBS },
    provoke: wrong({ method: 'GET', path: `/jobs/${NOBODY}`, body: '' }),
  },
  {
    ...{ code: 'artifact_not_found', line: '404 Not Found', says: 'job ID has no artifact "poem"', places: JOBS },
    provoke: ofJob((id) => ({ method: 'GET', path: `/jobs/${id}/artifacts/poem` })),
  },
  {
    ...{ code: 'delivery_not_found', line: '404 Not Found', says: 'job ID has no delivery 1', places: JOBS },
    provoke: ofJob((id) => ({ path: `/jobs/${id}/deliveries/1/redeliver` })),
  },
  {
    ...{ code: 'job_active', line: '409 Conflict', says: 'job ID is queued', places: JOBS },
    provoke: () =>
      within({}, async ({ url }) => {
        await call(url, { path: '/pause' })
        const { job_id } = await submit(url)
        return nameless(job_id, await (await ask(url, { path: `/jobs/${job_id}/retry` })).reply())
      }),
  },
  {
    ...{ code: 'key_in_use', line: '409 Conflict', places: LIVE },
    says: 'another caller is waiting with the same Idempotency-Key',
    provoke: ({ path, body }) =>
      within({}, async ({ url }) => {
        await occupy(url, KEY)
        return (await ask(url, { path, body, headers: ['Idempotency-Key: one'] })).reply()
      }),
  },
  {
    ...{ code: 'body_gone', line: '410 Gone', says: 'the body of job ID is gone', places: JOBS },
    provoke: () =>
      within({}, async ({ url }) => {
        const id = String((await chat(url).answer()).headers['x-foreman-job-id'])
        return nameless(id, await (await ask(url, { path: `/jobs/${id}/retry` })).reply())
      }),
  },
  {
    ...{ code: 'body_too_large', line: '413 Request Entity Too Large', places: EVERYWHERE },
    says: 'request body is larger than 10 bytes (FOREMAN_MAX_BODY)',
    provoke: wrong({}, { maxBody: 10 }),
  },
  {
    ...{ code: 'unsupported_encoding', line: '415 Unsupported Media Type', places: READING },
    says: 'unsupported Content-Encoding "gzip": send UTF-8, plain or with Content-Encoding: zstd',
    provoke: wrong({ headers: ['Content-Encoding: gzip'], body: '\x1f\x8b' }),
  },
  {
    ...{ code: 'range_not_satisfiable', line: '416 Range Not Satisfiable', places: JOBS },
    says: 'the range is outside the artifact (12 bytes)',
    provoke: ofJob((id) => ({
      ...{ method: 'GET', path: `/jobs/${id}/artifacts/completion`, headers: ['Range: bytes=99-'] },
    })),
  },
  {
    ...{ code: 'key_reused', line: '422 Unprocessable Entity', places: JOBS },
    says: 'Idempotency-Key was used with another request',
    provoke: ({ path, body }) =>
      within({}, async ({ url }) => {
        await post(url, { n: 1 }, KEY)
        return (await ask(url, { path, body, headers: ['Idempotency-Key: one'] })).reply()
      }),
  },
  {
    ...{ code: 'headers_too_large', line: '431 Request Header Fields Too Large', places: EVERYWHERE, shape: 'native' },
    says: 'request headers are too large',
    provoke: wrong({ headers: [`X-Long: ${'x'.repeat(66_000)}`] }),
  },
  {
    ...{ code: 'cancelled', line: '499 Client Closed Request', says: 'request canceled', places: LIVE },
    provoke: ({ path, body }) =>
      within({}, async ({ url }) => {
        await call(url, { path: '/pause' })
        const line = await ask(url, { path, body })
        await until('it waits', async () => (await waiting(url)) === 1)
        const { jobs } = await read<{ jobs: JobDocument[] }>(url, '/jobs')
        for (const { job_id } of jobs) await act(url, job_id, 'cancel')
        return line.reply()
      }),
  },
  {
    ...{ code: 'internal', line: '500 Internal Server Error', says: 'internal error: see the log', places: READING },
    provoke: async ({ path, body }) => {
      // Its store knows no jobs, and its queue fails.
      const { url } = await serverWith({
        live: () => {
          throw new Error('the secret of the house')
        },
      })
      return (await ask(url, { path, body })).reply()
    },
  },
  {
    ...{ code: 'not_implemented', line: '501 Not Implemented', says: 'unsupported Transfer-Encoding' },
    places: EVERYWHERE,
    provoke: wrong({ body: '0\r\n\r\n', headers: ['Transfer-Encoding: gzip, chunked'] }),
  },
  {
    ...{ code: 'queue_full', line: UNAVAILABLE, says: `${BUSY}.  maximum pending requests exceeded`, places: READING },
    provoke: ({ path, body }) =>
      within({ maxQueue: 1 }, async ({ url }) => {
        await occupy(url)
        return (await ask(url, { path, body })).reply()
      }),
  },
  {
    ...{ code: 'embed_queue_full', line: UNAVAILABLE, says: `${BUSY}.  maximum pending requests exceeded` },
    ...{ places: EMBEDDINGS, retryAfter: '1' },
    provoke: async ({ path, body }) => {
      const { url } = await serverWith({ config: { embedConcurrency: 1, embedQueue: 0 } })
      // One of the two has the only slot; the other gets the error.
      const lines = [await ask(url, { path, body }), await ask(url, { path, body })]
      return Promise.race(lines.map((line) => line.reply()))
    },
  },
  {
    ...{ code: 'too_much_in_flight', line: UNAVAILABLE, places: EVERYWHERE, retryAfter: '1' },
    says: `${BUSY}: too many request bodies are being read at once`,
    provoke: async ({ path, body }) => {
      const { url } = await serverWith({ limits: { bodiesInFlight: 10 } })
      return (await ask(url, { path, body })).reply()
    },
  },
  {
    ...{ code: 'too_many_connections', line: UNAVAILABLE, places: EVERYWHERE, retryAfter: '1' },
    says: `${BUSY}: too many connections`,
    provoke: async ({ path, body }) => {
      const { url } = await serverWith({ config: { maxQueue: 0, embedQueue: 0 }, limits: { headRoom: 0 } })
      return (await ask(url, { path, body })).reply()
    },
  },
  {
    ...{ code: 'loop_detected', line: '508 Loop Detected', places: [...EVERYWHERE, ...COUNT] },
    says: 'this request came from foreman itself: FOREMAN_OLLAMA_URL leads back to it',
    provoke: async ({ path, body }) => {
      const { url } = await serverWith({})
      return (await ask(url, { path, body, headers: [`X-Foreman-Hop: another, ${HOP}`] })).reply()
    },
  },
  {
    ...{ code: 'storage_full', line: UNAVAILABLE, places: READING, retryAfter: '30' },
    says: 'foreman is out of disk space and takes no new work',
    provoke: wrong({}, { minFree: Number.MAX_SAFE_INTEGER }),
  },
  {
    ...{ code: 'shutting_down', line: UNAVAILABLE, places: [...READING, ...DIRECT], retryAfter: '5' },
    says: 'foreman is shutting down',
    provoke: ({ path, body }) =>
      within({}, async ({ url, fake, daemon }) => {
        fake.hold('middle')
        await chat(url).hears('Hello')
        void daemon.stop()
        return (await ask(url, { path, body })).reply()
      }),
  },
  {
    ...{ code: 'target_unreachable', line: BAD_GATEWAY, says: 'the target does not answer' },
    places: [...LIVE, ...DIRECT],
    provoke: ({ path, body }) =>
      within({}, async ({ url, fake, clock }) => {
        await fake.down()
        await call(url, { path: '/api/embed', body: { model: 'tiny-embed', input: 'x' } })
        await until('it is known', async () => (await read<StatusDocument>(url, '/status')).degraded)
        const line = await ask(url, { path, body })
        await until('it is told', () => {
          clock.advance(1_000)
          return line.hasHead
        })
        return line.reply()
      }),
  },
  {
    ...{ code: 'connection_lost', line: BAD_GATEWAY, says: 'the connection to the target was lost', places: DIRECT },
    provoke: answered(() => hangsUp()),
  },
  {
    ...{ code: 'attempts_exhausted', line: BAD_GATEWAY, places: LIVE },
    says: 'the target was lost 1 times while it worked on this',
    provoke: answered(() => hangsUp(), { maxAttempts: 1 }),
  },
  {
    ...{ code: 'incomplete_stream', line: BAD_GATEWAY, places: LIVE },
    says: "the target's answer ended before it was complete",
    provoke: answered((place) => (isNative(place) ? unmarked() : raw(`${HEAD}Content-Length: 0\r\n\r\n`))),
  },
  {
    ...{ code: 'target_error', line: BAD_GATEWAY, says: 'boom', places: LIVE },
    provoke: answered((place) =>
      isNative(place) ? breaksWith('boom') : raw(`${HEAD}Content-Length: 28\r\n\r\n{"error":{"message":"boom"}}`),
    ),
  },
  {
    ...{ code: 'bad_answer', line: BAD_GATEWAY, places: [...LIVE, ...DIRECT] },
    says: 'the target answered with something that is not Ollama: Response does not match the HTTP/1.1 protocol (Expected HTTP/, RTSP/ or ICE/)',
    provoke: answered(() => raw('SSH-2.0-OpenSSH_9.2\r\n')),
  },
  {
    ...{ code: 'stalled', line: '504 Gateway Timeout', places: LIVE },
    says: 'no byte came from the model for 1m (FOREMAN_STALL_LIMIT)',
    provoke: answered(
      () => stalls(),
      { stallLimitMs: 60_000 },
      (foreman) => passTime(foreman, foreman.fake, 60_000),
    ),
  },
  {
    ...{ code: 'run_limit', line: '504 Gateway Timeout', places: LIVE },
    says: 'the job ran longer than 5s (FOREMAN_RUN_LIMIT)',
    provoke: answered(
      () => stalls(),
      { runLimitMs: 5_000 },
      (foreman) => passTime(foreman, foreman.fake, 5_000),
    ),
  },
]

/** Codes whose status never stands in an answer of its own, and the test that covers each. */
export const ELSEWHERE: Partial<Record<ErrorCode, { readonly reason: string; readonly test: string }>> = {
  caller_gone: { reason: 'nobody is left to read it', test: 'domain/attempt.test.ts' },
  stream_broken: { reason: 'the answer has begun: a record and the cut', test: 'domain/attempt.test.ts' },
  outcome_unknown: { reason: 'the disk must fail', test: 'crash/failed-fsync.test.ts' },
  answer_too_large: { reason: 'it only ends async jobs', test: 'http/jobs/too-large.test.ts' },
}
