// Small run without violations: an async job that a kill sent back to the queue, its watcher and its webhooks, a job that
// was cancelled while it waited, and a waiting call. Created anew for each test, which then breaks it.

import { eventNumber } from '../../src/protocol/event.ts'
import type { JobDocument, JobState } from '../../src/protocol/wire.ts'
import type {
  Arrival,
  Call,
  Cancel,
  Execution,
  Final,
  Kill,
  Reading,
  RunHistory,
  SeenEvent,
  Submit,
  Watch,
} from './run-history.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export interface Draft {
  maxAttempts: number
  kills: Mutable<Kill>[]
  submits: Mutable<Submit>[]
  calls: Mutable<Call>[]
  readings: Mutable<Reading>[]
  cancels: Mutable<Cancel>[]
  watches: { jobId: string; parts: { after: number; events: SeenEvent[]; ending: 'whole' | 'cut' | 'left' }[] }[]
  executions: Mutable<Execution>[]
  arrivals: Mutable<Arrival>[]
  finals: (Mutable<Final> & { events: SeenEvent[] | null; eventsAgain: SeenEvent[] | null })[]
}

const isoAt = (n: number): string => new Date(Date.UTC(2026, 0, 6, 12, 0, n)).toISOString()
const EVERY: readonly JobState[] = ['queued', 'loading', 'working', 'done', 'failed', 'cancelled']

const line = (text: string, done: boolean): string => JSON.stringify({ message: { content: text }, done })
export const WHOLE = `${line('one ', false)}\n${line('two', false)}\n${line('', true)}\n`

function changed(n: number, state: JobState, previous: JobState | null, attempt: number): SeenEvent {
  return { type: 'state', number: eventNumber(n), state, previous, attempt, timestamp: isoAt(n) }
}

function documentOf(id: string, state: JobState, more: Partial<JobDocument>): JobDocument {
  return {
    ...{ job_id: id, state, model: 'tiny-a', endpoint: '/api/chat', label: null, attempt: 1, max_attempts: 3 },
    ...{
      position: null,
      waiting_for: null,
      created_at: isoAt(1),
      started_at: isoAt(2),
      finished_at: isoAt(7),
      retry_of: null,
    },
    ...{
      timings: { queue_ms: 1, load_ms: null, run_ms: 1, eval_ms: null },
      usage: null,
      done_reason: null,
      error: null,
    },
    ...{ artifacts: [], deliveries: [] },
    ...more,
  }
}

const delivered = (states: readonly JobState[]): JobDocument['deliveries'] =>
  states.map((state, at) => ({
    ...{ n: at + 1, state, status: 'delivered', tries: 1, reason: null, next_at: null, next_try_at: null },
    delivered_at: isoAt(at + 1),
  }))

const records = (change: number, texts: readonly string[]): SeenEvent[] =>
  texts.map((data, at) => ({ type: 'record', number: eventNumber(change, at + 1), data }))

const PATH = [
  changed(1, 'queued', null, 0),
  changed(2, 'loading', 'queued', 1),
  changed(3, 'working', 'loading', 1),
  changed(4, 'queued', 'working', 1),
  changed(5, 'loading', 'queued', 2),
  changed(6, 'working', 'loading', 2),
  changed(7, 'done', 'working', 2),
] as const

const arrival = (
  jobId: string,
  ref: string,
  change: SeenEvent,
  at: number,
  completion: string | null = null,
): Arrival => {
  if (change.type !== 'state') throw new Error('a record is no change')
  const { state, previous, attempt, timestamp, number } = change
  const sequence = number / eventNumber(1)
  return {
    ...{ ref, webhookId: `${jobId}-${sequence}`, isAuthentic: true, jobId, sequence },
    ...{ state, previous, attempt, timestamp, completion, at, answer: { status: 204, at: at + 1 } },
  }
}

/** Clock values are multiples of ten, so that a test can insert others. The kill is at 300. */
export function soundHistory(): Draft {
  const answer = WHOLE.trimEnd().split('\n')
  const done: Final = {
    job: documentOf('A', 'done', {
      ...{ label: 'work-a', attempt: 2 },
      deliveries: delivered(PATH.map((change) => (change.type === 'state' ? change.state : 'queued'))),
    }),
    events: [...PATH.slice(0, 6), ...records(6, answer), PATH[6]],
    eventsAgain: [...PATH.slice(0, 6), ...records(6, answer), PATH[6]],
    ...{ response: WHOLE, completion: 'one two' },
  }
  const end = changed(2, 'cancelled', 'queued', 0)
  const error = { code: 'cancelled', message: 'request canceled', status: null }
  const waited = [PATH[0], end]
  const cancelled: Final = {
    job: documentOf('B', 'cancelled', {
      ...{ label: 'work-b', attempt: 0, started_at: null, finished_at: isoAt(2), error },
      deliveries: delivered(['queued', 'cancelled']),
    }),
    ...{ events: [...waited], eventsAgain: [...waited], response: null, completion: null },
  }
  const live: Final = {
    job: documentOf('C', 'done', {}),
    ...{ events: null, eventsAgain: null, response: null, completion: null },
  }
  const asked = { key: null, retryOf: null, webhookStates: EVERY }
  const run = { status: 200, sent: WHOLE, text: 'one two' }
  const watch: Watch = {
    jobId: 'A',
    parts: [
      { after: 0, ending: 'cut', events: [...PATH.slice(0, 3), ...records(3, ['{"half":1}'])] },
      { after: eventNumber(3, 1), ending: 'cut', events: [...PATH.slice(3, 6), ...records(6, answer.slice(0, 1))] },
      { after: eventNumber(6, 1), ending: 'whole', events: [...records(6, answer).slice(1), PATH[6]] },
    ],
  }
  const drafted: RunHistory = {
    maxAttempts: 3,
    kills: [{ signal: 'SIGKILL', isStopping: false, at: 300, goneAt: 320 }],
    submits: [
      { ...asked, ref: 'work-a', key: 'k', body: 'sha-a', askedAt: 10, outcome: { kind: 'unknown' } },
      {
        ...asked,
        ref: 'work-a',
        key: 'k',
        body: 'sha-a',
        askedAt: 20,
        outcome: { kind: 'accepted', jobId: 'A', at: 30 },
      },
      { ...asked, ref: 'work-b', body: 'sha-b', askedAt: 40, outcome: { kind: 'accepted', jobId: 'B', at: 50 } },
      { ...asked, ref: 'work-x', body: 'sha-x', askedAt: 60, outcome: { kind: 'refused', status: 503 } },
    ],
    calls: [
      {
        ...{ ref: 'call-c', body: 'sha-c', jobId: 'C', status: 200, isOwnError: false },
        ...{ heard: `  ${WHOLE}` },
        ending: 'whole',
        askedAt: 70,
        endedAt: 590,
      },
    ],
    readings: [
      { jobId: 'A', state: 'working', attempt: 1, finishedAt: null, askedAt: 210, answeredAt: 215 },
      { jobId: 'A', state: 'queued', attempt: 1, finishedAt: null, askedAt: 340, answeredAt: 345 },
      { jobId: 'A', state: 'done', attempt: 2, finishedAt: isoAt(7), askedAt: 600, answeredAt: 605 },
      { jobId: 'B', state: 'cancelled', attempt: 0, finishedAt: isoAt(2), askedAt: 92, answeredAt: 98 },
    ],
    cancels: [{ jobId: 'B', askedAt: 90 }],
    watches: [watch],
    executions: [
      {
        ...run,
        jobId: 'A',
        attempt: 1,
        body: 'sha-a',
        beganAt: 200,
        endedAt: 310,
        ending: 'aborted',
        sent: WHOLE.slice(0, 20),
      },
      { ...run, jobId: 'A', attempt: 2, body: 'sha-a', beganAt: 400, endedAt: 500, ending: 'whole' },
      { ...run, jobId: 'C', attempt: 1, body: 'sha-c', beganAt: 510, endedAt: 580, ending: 'whole' },
    ],
    arrivals: [
      ...PATH.map((change, at) => arrival('A', 'work-a', change, 100 + 80 * at, at === 6 ? 'one two' : null)),
      ...waited.map((change, at) => arrival('B', 'work-b', change, 100 + 80 * at)),
    ],
    finals: [done, cancelled, live],
  }
  // Not structuredClone: an object in two places must become two objects, so that a test can change one of them.
  return JSON.parse(JSON.stringify(drafted)) as Draft
}
