// Bench of the requests that clients send before they chat: whether they are answered at once while the target is idle,
// busy with a long answer, loading a model, or asleep (a stopped process whose port is still open).

import { ask, Caller, post, requestBytes } from './caller.ts'
import { type Foreman, startForeman } from './foreman.ts'
import { wait } from './load.ts'
import type { Report } from './report.ts'
import { digits, median, quantile } from './statistics.ts'
import { chatRequest, type Listening, startChatTarget } from './targets.ts'

const METHOD = `One kept connection sends the different requests in turns, and each answer must be a 200. Busy: a chat
  streams a record every 4 ms. Loading: a chat was sent, and no byte of its answer has come. Asleep: the target's
  process is stopped with SIGSTOP, so that connections to it succeed and stay silent, and foreman has noticed that.
  Until it has noticed, which takes a probe or two, /api/show waits for the target, for at most a second; the other
  requests do not.`

const TURNS = 100
const WARM_UP = 100
const GOAL_MS = 5
/** Time limit for one answer, in case it never comes. */
const DEADLINE_MS = 60_000

const STATES = ['idle', 'busy', 'loading', 'asleep'] as const
type State = (typeof STATES)[number]

const questionsTo = (port: number): readonly (readonly [name: string, bytes: Buffer])[] => [
  ...['/api/tags', '/api/ps', '/api/version', '/v1/models'].map(
    (path) => [path, requestBytes({ method: 'GET', path, port })] as const,
  ),
  ['/api/show', post(port, '/api/show', { model: 'bench' })],
]

export async function run(report: Report, { rounds }: { rounds: number }): Promise<void> {
  report.method(METHOD)
  const target = await startChatTarget()
  const foreman = await startForeman({ targetPort: target.port, settings: { FOREMAN_POLL_INTERVAL: '1s' } })
  const found = new Map<string, number[]>()
  await shows(foreman, 'a probed target', ({ target: { reachable } }) => reachable === true)
  await measure(foreman, WARM_UP, new Map(), 'idle')
  for (const state of STATES) {
    const leave = await enter(state, foreman, target)
    try {
      await measure(foreman, rounds * TURNS, found, state)
    } finally {
      await leave()
    }
  }
  await Promise.all([foreman, target].map(({ child }) => child.stop()))
  print(
    report,
    found,
    questionsTo(foreman.port).map(([name]) => name),
  )
}

/** Brings the target into a state. Returns a function that ends that state. */
async function enter(state: State, foreman: Foreman, target: Listening): Promise<() => Promise<void>> {
  if (state === 'idle') return async () => {}
  if (state === 'asleep') {
    process.kill(target.pid, 'SIGSTOP')
    await shows(foreman, 'the target asleep', (status) => status.target.reachable === false)
    return async () => void process.kill(target.pid, 'SIGCONT')
  }
  const caller = await Caller.open(foreman.port)
  const wanted = state === 'busy' ? { chunks: 1_000_000, every_ms: 4 } : { hold: true }
  caller.send(chatRequest(foreman.port, wanted), { end: () => {} })
  await shows(foreman, 'the chat running', ({ running }) => running !== null)
  return async () => {
    caller.close()
    await shows(foreman, 'an idle target', ({ running }) => running === null)
  }
}

interface Shown {
  readonly target: { readonly reachable: boolean | null }
  readonly running: object | null
}

async function shows(foreman: Foreman, what: string, isTrue: (status: Shown) => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  while (!isTrue(JSON.parse(await ask(foreman.port, 'GET', '/status')))) {
    if (performance.now() > deadline) throw new Error(`foreman never showed ${what}`)
    await wait(20)
  }
}

/** Adds to `found` the milliseconds of each answer, by question and state. */
async function measure({ port }: Foreman, turns: number, found: Map<string, number[]>, state: State): Promise<void> {
  const caller = await Caller.open(port)
  const questions = questionsTo(port)
  for (let turn = 0; turn < turns; turn++) {
    for (const [name, bytes] of questions) {
      const started = performance.now()
      const status = await caller.request(bytes)
      const took = performance.now() - started
      if (status !== 200) throw new Error(`${name} while the target was ${state}: ${status}`)
      const times = found.get(keyOf(name, state)) ?? []
      times.push(took)
      found.set(keyOf(name, state), times)
    }
  }
  caller.close()
}

const keyOf = (name: string, state: State): string => `${name} ${state}`

function print(report: Report, found: ReadonlyMap<string, number[]>, names: readonly string[]): void {
  const times = (name: string, state: State): number[] => found.get(keyOf(name, state)) ?? []
  const cell = (values: readonly number[]) => `${digits(median(values))} (${digits(quantile(values, 0.99))})`
  const rows = names.map((name) => [name, ...STATES.map((state) => cell(times(name, state)))])
  report.table(['ms, median (99th percentile)', ...STATES], rows)
  for (const state of STATES) {
    const slowest = Math.max(...names.map((name) => median(times(name, state))))
    const sentence = `${state}: each answered within ${GOAL_MS} ms at the median`
    report.goal(sentence, slowest <= GOAL_MS, `the slowest ${digits(slowest)} ms`)
  }
}
