import { getEventListeners } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import {
  ApiError,
  AuthError,
  ForemanClient,
  JobCancelledError,
  JobFailedError,
  type ResultOptions,
  UnreachableError,
  WaitTimeoutError,
} from '../../src/client/index.ts'
import {
  ClientTimers,
  document,
  ID,
  json,
  type ScriptedForeman,
  scriptedForeman,
  stateEvent,
  until,
} from './scripted-foreman.ts'

const JOB = `GET /jobs/${ID}`
const EVENTS = `GET /jobs/${ID}/events`

const jobAt = (foreman: ScriptedForeman, options: object = {}) =>
  new ForemanClient({ url: foreman.url, ...options }).job(ID)

/** The result, or the reason why it is missing. */
const outcomeOf = (foreman: ScriptedForeman, options: ResultOptions = {}, client: object = {}): Promise<unknown> =>
  jobAt(foreman, client)
    .result(options)
    .catch((error: unknown) => error)

describe('the result of a job', () => {
  it('is read once if the job has ended', async () => {
    const foreman = await scriptedForeman()
    foreman.job = document('done', { result: { message: { content: 'hi' } } })
    expect(await outcomeOf(foreman)).toEqual(foreman.job)
    expect(foreman.asked).toHaveLength(1)
  })

  it('comes with its final event and equals the document', async () => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    const { signal } = new AbortController()
    const outcome = outcomeOf(foreman, { signal, timeoutMs: 86_400_000 })
    await until('it listens', () => foreman.streams.size === 1)
    foreman.tell(stateEvent(1, 'queued'), stateEvent(2, 'working', 'queued'))
    foreman.job = document('done')
    foreman.tell(stateEvent(3, 'done', 'working'))
    expect(await outcome).toEqual(foreman.job)
    expect(foreman.looks).toBe(2)
    await until('the sockets are closed', () => foreman.sockets === 0)
    expect(timers.delays).toEqual([])
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  it('is polled every 30 s, however silent the events are', async () => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    const outcome = outcomeOf(foreman)
    await until('it listens', () => foreman.streams.size === 1 && timers.delays.includes(30_000))
    timers.fire(30_000)
    await until('it has looked', () => foreman.looks === 2 && timers.delays.includes(30_000))
    foreman.job = document('done')
    timers.fire(30_000)
    expect(await outcome).toEqual(foreman.job)
    await until('the sockets are closed', () => foreman.sockets === 0)
  })

  it('is polled every 2 s if neither events nor webhooks are used', async () => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    const outcome = outcomeOf(foreman, { via: 'polling' })
    await until('it has looked', () => foreman.looks === 1 && timers.delays.includes(2_000))
    foreman.job = document('done')
    timers.fire(2_000)
    expect(await outcome).toEqual(foreman.job)
    expect(foreman.asked.map(({ path }) => path)).toEqual([`/jobs/${ID}`, `/jobs/${ID}`])
    expect(timers.delays).toEqual([])
  })

  it('is polled if events are not available', async () => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    foreman.answers.set(EVENTS, (_req, res) => json(res, 410, { error: 'not here' }))
    const outcome = outcomeOf(foreman)
    await until('it polls', () => timers.delays.includes(2_000))
    foreman.job = document('done')
    timers.fire(2_000)
    expect(await outcome).toEqual(foreman.job)
  })

  it('is polled if no receiver can be used', async () => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    const outcome = outcomeOf(foreman, { via: 'receiver' })
    await until('it polls', () => timers.delays.includes(2_000))
    foreman.job = document('done')
    timers.fire(2_000)
    expect(await outcome).toEqual(foreman.job)
  })

  it.each([
    ['failed', JobFailedError, 'target_error'],
    ['cancelled', JobCancelledError, 'cancelled'],
  ] as const)('that is %s is an error with the job', async (state, kind, code) => {
    const foreman = await scriptedForeman()
    foreman.job = document(state)
    const error = await outcomeOf(foreman)
    expect(error).toBeInstanceOf(kind)
    expect(error).toMatchObject({ code, job: foreman.job, message: foreman.job.error?.message })
  })

  it.each([
    [404, 'job_not_found', ApiError],
    [401, 'unauthorized', AuthError],
  ] as const)('is not awaited if foreman answers %i', async (status, code, kind) => {
    const foreman = await scriptedForeman()
    foreman.answers.set(JOB, (_req, res) => json(res, status, { error: 'no', code }))
    const error = await outcomeOf(foreman)
    expect(error).toBeInstanceOf(kind)
    expect(error).toMatchObject({ status, code })
  })

  it('continues by events that were silent for long before they were cut', async () => {
    const foreman = await scriptedForeman()
    const now = vi.spyOn(performance, 'now')
    const outcome = outcomeOf(foreman)
    await until('it listens', () => foreman.streams.size === 1)
    const since = performance.now()
    now.mockImplementation(() => since + 40_000)
    foreman.cut()
    await until('it listens again', () => foreman.count('GET', `/jobs/${ID}/events`) === 2)
    foreman.job = document('done')
    foreman.tell(stateEvent(1, 'done'))
    expect(await outcome).toEqual(foreman.job)
    now.mockRestore()
  })

  it.each([
    ['is cut off', (foreman: ScriptedForeman) => foreman.answers.set(JOB, (req) => req.socket.destroy())],
    [
      'is stopping',
      (foreman: ScriptedForeman) => foreman.answers.set(JOB, (_req, res) => json(res, 503, { error: 'stopping' })),
    ],
    [
      'is behind a proxy that has lost it',
      (foreman: ScriptedForeman) => foreman.answers.set(JOB, (_req, res) => res.writeHead(502).end('<h1>Bad Gateway')),
    ],
  ])('survives a foreman that %s, if it returns in time', async (_, breaks) => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    breaks(foreman)
    const outcome = outcomeOf(foreman)
    await until('it will look again soon', () => timers.delays.includes(2_000))
    foreman.answers.delete(JOB)
    foreman.job = document('done')
    timers.fire(2_000)
    expect(await outcome).toEqual(foreman.job)
    const gone = await scriptedForeman()
    gone.answers.set(JOB, (req) => req.socket.destroy())
    expect(await outcomeOf(gone, {}, { unreachableMs: 0 })).toBeInstanceOf(UnreachableError)
  })

  it.each(['events', 'polling', 'receiver'] as const)(
    'that takes too long leaves the job running and nothing open (%s)',
    async (via) => {
      const foreman = await scriptedForeman()
      const timers = new ClientTimers()
      const outcome = outcomeOf(foreman, { via, timeoutMs: 86_400_000 })
      await until('it waits', () => timers.delays.some((ms) => ms === 2_000 || ms === 30_000))
      timers.fire(86_400_000)
      const error = await outcome
      expect(error).toBeInstanceOf(WaitTimeoutError)
      expect(error).toMatchObject({ jobId: ID, timeoutMs: 86_400_000 })
      await until('the sockets are closed', () => foreman.sockets === 0)
      expect(timers.delays).toEqual([])
      expect(foreman.asked.every(({ method }) => method === 'GET')).toBe(true)
    },
  )

  it.each(['events', 'polling'] as const)(
    'that is aborted ends with the reason and leaves nothing open (%s)',
    async (via) => {
      const foreman = await scriptedForeman()
      const timers = new ClientTimers()
      const controller = new AbortController()
      const outcome = outcomeOf(foreman, { via, signal: controller.signal, timeoutMs: 86_400_000 })
      await until('it waits', () => timers.delays.some((ms) => ms === 2_000 || ms === 30_000))
      const reason = new Error('enough')
      controller.abort(reason)
      expect(await outcome).toBe(reason)
      await until('the sockets are closed', () => foreman.sockets === 0)
      expect(timers.delays).toEqual([])
      expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    },
  )

  it('is not requested if it was aborted before', async () => {
    const foreman = await scriptedForeman()
    const reason = new Error('enough')
    expect(await outcomeOf(foreman, { signal: AbortSignal.abort(reason) })).toBe(reason)
    expect(foreman.asked).toEqual([])
  })

  it('accepts a timeout of a year, which is longer than a timer can run', async () => {
    const foreman = await scriptedForeman()
    const timers = new ClientTimers()
    const year = 365 * 86_400_000
    const outcome = outcomeOf(foreman, { via: 'polling', timeoutMs: year })
    const parts = Math.floor(year / (2 ** 31 - 1))
    await until('it waits', () => timers.delays.includes(2_000))
    for (let part = 0; part < parts; part++) timers.fire(2 ** 31 - 1)
    timers.fire(year - parts * (2 ** 31 - 1))
    expect(await outcome).toBeInstanceOf(WaitTimeoutError)
  })
})
