// Load generators of two kinds: closed (a fixed number of connections, each sending its next request when it has its
// answer) and open (a fixed rate that does not depend on the answers). An unexpected status ends the bench, because
// errors are faster than answers.

import { Caller } from './caller.ts'
import { cpuSeconds } from './process-cost.ts'

export interface Closed {
  /** Answers per second. */
  readonly rate: number
  /** Answers per CPU second of the watched process; NaN if the system does not report it. */
  readonly perCpuSecond: number
  /** Answers per step of the watched counter; NaN without a counter. */
  readonly perCount: number
}

export interface ClosedLoad {
  readonly port: number
  readonly request: Buffer
  readonly connections: number
  readonly ms: number
  /** The server whose CPU time is counted. */
  readonly pid: number
  /** Expected status of each answer; 200 by default. */
  readonly status?: number
  /** A counter of the server, read at the start and at the end of the measurement. */
  readonly counter?: () => number
}

const WARM_UP_MS = 300

export async function closedLoad(load: ClosedLoad): Promise<Closed> {
  const { port, request, connections, ms, pid, status: due = 200, counter = () => Number.NaN } = load
  const callers = await openCallers(port, connections)
  let answered = 0
  let running = true
  let failed: number | null = null
  const loops = callers.map(
    (caller) =>
      new Promise<void>((resolve) => {
        const next = (): void => {
          if (!running) return resolve()
          caller.send(request, {
            end(status) {
              answered += 1
              if (status === due) return next()
              failed ??= status
              running = false
              resolve()
            },
          })
        }
        next()
      }),
  )
  await wait(WARM_UP_MS)
  const before = { answered, at: performance.now(), cpu: cpuSeconds(pid), counter: counter() }
  await wait(ms)
  const count = answered - before.answered
  const seconds = (performance.now() - before.at) / 1000
  const cpu = cpuSeconds(pid) - before.cpu
  const counted = counter() - before.counter
  running = false
  await Promise.race([Promise.all(loops), wait(5_000)])
  hangUp(callers, failed)
  return { rate: count / seconds, perCpuSecond: count / cpu, perCount: count / counted }
}

export interface OpenLoad {
  readonly port: number
  readonly request: Buffer
  readonly connections: number
  /** Requests per second. */
  readonly rate: number
  readonly ms: number
  /** Expected status of each answer; 200 by default. */
  readonly status?: number
}

/**
 * Measures the milliseconds of each answer from when its request was due, even if no connection was free then. So sending
 * fewer requests during a stall of the server does not hide it.
 */
export async function openLoad({
  port,
  request,
  connections,
  rate,
  ms,
  status: wanted = 200,
}: OpenLoad): Promise<number[]> {
  const callers = await openCallers(port, connections)
  const free = [...callers]
  const due: number[] = []
  const times: number[] = []
  let failed: number | null = null
  const send = (): void => {
    while (due.length > 0) {
      const caller = free.pop()
      if (caller === undefined) return
      const dueAt = due.shift() as number
      caller.send(request, {
        end(status) {
          if (status !== wanted) failed ??= status
          times.push(performance.now() - dueAt)
          free.push(caller)
          if (due.length > 0) send()
        },
      })
    }
  }
  const expected = Math.floor((rate * ms) / 1000)
  await atRate(rate, expected, (dueAt) => {
    due.push(dueAt)
    send()
  })
  const deadline = performance.now() + 5_000
  while (times.length < expected && performance.now() < deadline) await wait(5)
  hangUp(callers, failed)
  return times
}

function hangUp(callers: readonly Caller[], failed: number | null): void {
  const cut = callers.filter(({ socket }) => socket.destroyed).length
  for (const caller of callers) caller.close()
  if (failed !== null) throw new Error(`an answer had status ${failed}`)
  if (cut > 0) throw new Error(`${cut} connections were cut by the server`)
}

/**
 * Calls `due` `count` times at `rate` per second, with the time of the tick in which it was due, so that delays of this
 * process are not attributed to the server.
 */
export async function atRate(rate: number, count: number, due: (dueAt: number) => void): Promise<void> {
  const started = performance.now()
  let made = 0
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now()
      const owed = Math.min(count, Math.floor(((now - started) / 1000) * rate))
      for (; made < owed; made++) due(now)
      if (made < count) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
}

export async function openCallers(port: number, count: number): Promise<Caller[]> {
  const callers: Caller[] = []
  while (callers.length < count) {
    const some = Array.from({ length: Math.min(100, count - callers.length) }, () => Caller.open(port))
    callers.push(...(await Promise.all(some)))
  }
  return callers
}

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
