// Tests of the checker: a run without violations passes, and each violation made by hand is detected by its invariant.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { eventNumber } from '../../src/protocol/event.ts'
import type { JobDocument } from '../../src/protocol/wire.ts'
import { check, INVARIANTS, type Invariant, report } from './checker.ts'
import type { SeenEvent } from './run-history.ts'
import { type Draft, soundHistory, WHOLE } from './sound-history.ts'

const must = <T>(value: T | undefined | null): T => {
  if (value === undefined || value === null) throw new Error('the sound history has nothing there')
  return value
}

const at = <T>(list: readonly T[], index: number): T => must(list[index])

/** Changes fields of a record. The types let a test change only fields that exist. */
function put<T extends object>(target: T, change: { readonly [K in keyof T]?: T[K] }): void {
  Object.assign(target, change)
}

const jobOf = (draft: Draft, id: string): { -readonly [K in keyof JobDocument]: JobDocument[K] } =>
  must(draft.finals.find(({ job }) => job.job_id === id)).job

const state = (event: SeenEvent): SeenEvent & { type: 'state' } => {
  if (event.type !== 'state') throw new Error('not a change')
  return event
}

/** The nth change of A, in every record that contains it. */
function everywhere(draft: Draft, n: number, change: (event: SeenEvent & { type: 'state' }) => object): void {
  const final = at(draft.finals, 0)
  for (const events of [final.events, final.eventsAgain, ...at(draft.watches, 0).parts.map((part) => part.events)]) {
    const index = (events ?? []).findIndex((event) => event.number === eventNumber(n))
    const list = events as SeenEvent[] | null
    if (list !== null && index !== -1)
      list[index] = { ...at(list, index), ...change(state(at(list, index))) } as SeenEvent
  }
}

const BREACHES: readonly (readonly [Invariant, string, (draft: Draft) => void])[] = [
  ['lost', 'a job that was acknowledged is not there', (run) => void run.finals.splice(1, 1)],
  ['lost', 'a waiting call whose caller knew its id is not there', (run) => void run.finals.splice(2, 1)],
  ['lost', 'a job waits for ever', (run) => put(jobOf(run, 'B'), { state: 'queued' })],
  ['phantom', 'work that was refused has a job', (run) => put(jobOf(run, 'B'), { label: 'work-x' })],
  [
    'phantom',
    'work that was asked once has two jobs',
    (run) => void run.finals.push({ ...at(run.finals, 1), job: { ...jobOf(run, 'B'), job_id: 'B2' } }),
  ],
  [
    'phantom',
    'a waiting call that no client made',
    (run) => void run.finals.push({ ...at(run.finals, 2), job: { ...jobOf(run, 'C'), job_id: 'C2' } }),
  ],
  [
    'one_per_key',
    'the same key gave two jobs',
    (run) => void run.finals.push({ ...at(run.finals, 0), job: { ...jobOf(run, 'A'), job_id: 'A2' } }),
  ],
  [
    'one_per_key',
    'the same key was answered with two ids',
    (run) => put(at(run.submits, 0), { outcome: { kind: 'accepted', jobId: 'B', at: 15 } }),
  ],
  ['ends_once', 'somebody read another end', (run) => put(at(run.readings, 2), { state: 'failed' })],
  ['ends_once', 'somebody read another time of the end', (run) => put(at(run.readings, 2), { finishedAt: 'later' })],
  ['ends_once', 'a receiver was told of another end', (run) => put(at(run.arrivals, 6), { state: 'cancelled' })],
  [
    'ends_once',
    'it was over, and then it worked again',
    (run) => void run.readings.push({ ...at(run.readings, 0), askedAt: 700, answeredAt: 705 }),
  ],
  [
    'goes_back',
    'it was working again after it had been put back',
    (run) => put(at(run.readings, 0), { askedAt: 350, answeredAt: 355 }),
  ],
  [
    'goes_back',
    'it was read in a state that its history does not have',
    (run) => put(at(run.readings, 0), { attempt: 3 }),
  ],
  ['legal_path', 'a change leaves out a state', (run) => everywhere(run, 2, () => ({ state: 'queued' }))],
  ['legal_path', 'a claim counts no attempt', (run) => everywhere(run, 2, () => ({ attempt: 0 }))],
  ['legal_path', 'the history ends elsewhere than the job', (run) => put(jobOf(run, 'A'), { attempt: 3 })],
  [
    'caused_end',
    'done, and the target had not come to its end',
    (run) => put(at(run.executions, 1), { ending: 'cut' }),
  ],
  ['caused_end', 'cancelled, and nobody asked for it', (run) => void run.cancels.splice(0)],
  [
    'caused_end',
    'cancelled by a stop, and it was killed',
    (run) => put(jobOf(run, 'C'), { state: 'cancelled', error: { code: 'shutting_down', message: '', status: null } }),
  ],
  [
    'caused_end',
    'cancelled by a stop that came after its caller had the answer',
    (run) => {
      put(at(run.kills, 0), { signal: 'SIGTERM', isStopping: true, at: 600, goneAt: 620 })
      put(jobOf(run, 'C'), { state: 'cancelled', error: { code: 'shutting_down', message: '', status: null } })
    },
  ],
  [
    'caused_end',
    'an async job that was cancelled by a stop',
    (run) => {
      put(at(run.kills, 0), { signal: 'SIGTERM', isStopping: true })
      put(jobOf(run, 'B'), { state: 'cancelled', error: { code: 'shutting_down', message: '', status: null } })
    },
  ],
  [
    'caused_end',
    'given up with attempts left',
    (run) =>
      put(jobOf(run, 'A'), {
        state: 'failed',
        error: { code: 'attempts_exhausted', message: '', status: null },
      }),
  ],
  ['one_at_a_time', 'one begins before the other is over', (run) => put(at(run.executions, 2), { beganAt: 499 })],
  ['attempts', 'more attempts than there may be', (run) => put(run, { maxAttempts: 1 })],
  ['attempts', 'the target saw more than were counted', (run) => put(at(run.executions, 1), { attempt: 3 })],
  ['attempts', 'the target saw the same attempt twice', (run) => put(at(run.executions, 1), { attempt: 1 })],
  [
    'attempts',
    'an attempt vanished without a kill',
    (run) => {
      run.executions.splice(0, 1)
      run.kills.splice(0)
    },
  ],
  ['attempts', 'a run was broken off for nothing', (run) => void run.kills.splice(0)],
  ['same_body', 'the target got something else', (run) => put(at(run.executions, 0), { body: 'sha-b' })],
  [
    'no_run_after_end',
    'a client knew that it was cancelled, and then it ran',
    (run) =>
      void run.executions.push({ ...at(run.executions, 1), jobId: 'B', body: 'sha-b', beganAt: 800, endedAt: 810 }),
  ],
  [
    'no_run_after_end',
    'it never started, and was at the target',
    (run) =>
      void run.executions.push({ ...at(run.executions, 1), jobId: 'B', body: 'sha-b', beganAt: 52, endedAt: 60 }),
  ],
  ['artifact', 'done without its response', (run) => put(at(run.finals, 0), { response: null })],
  [
    'artifact',
    'the bytes of the attempt that was voided',
    (run) => put(at(run.finals, 0), { response: WHOLE.slice(0, 20) }),
  ],
  ['artifact', 'another text than the model said', (run) => put(at(run.finals, 0), { completion: 'one' })],
  ['artifact', 'done, and no run came to its end', (run) => put(at(run.executions, 1), { ending: 'unmarked' })],
  ['artifact', 'a completion of a job that is not done', (run) => put(at(run.finals, 1), { completion: 'x' })],
  ['artifact', 'the receiver was told another text', (run) => put(at(run.arrivals, 6), { completion: 'x' })],
  [
    'caller',
    'a caller heard the bytes of two runs',
    (run) => put(at(run.calls, 0), { heard: `${WHOLE.slice(0, 9)}${WHOLE}`, ending: 'cut' }),
  ],
  [
    'caller',
    'a truncated answer ended as if it were whole',
    (run) => put(at(run.calls, 0), { heard: WHOLE.slice(0, 20) }),
  ],
  [
    'caller',
    'done, and the caller was cut off',
    (run) => put(at(run.calls, 0), { heard: WHOLE.slice(0, 20), ending: 'cut', askedAt: 505 }),
  ],
  [
    'caller',
    'a whole answer, and the job says that it failed',
    (run) =>
      put(jobOf(run, 'C'), {
        state: 'failed',
        error: { code: 'stream_broken', message: '', status: null },
      }),
  ],
  ['webhook_sent', 'a change is not in the outbox', (run) => void jobOf(run, 'A').deliveries.splice(3, 1)],
  ['webhook_sent', 'a change is never told', (run) => put(at(jobOf(run, 'A').deliveries, 6), { status: 'pending' })],
  [
    'webhook_sent',
    'it counts as delivered, and nobody took it',
    (run) => put(at(run.arrivals, 6), { answer: { status: 500, at: 999 } }),
  ],
  [
    'webhook_sent',
    'it was given up without a 410',
    (run) => put(at(jobOf(run, 'A').deliveries, 6), { status: 'given_up', reason: 'gone' }),
  ],
  [
    'webhook_sent',
    'a change is told that nobody wanted to hear of',
    (run) => put(at(run.submits, 2), { webhookStates: ['cancelled'] }),
  ],
  ['webhook_order', 'the end comes before the beginning', (run) => put(at(run.arrivals, 6), { at: 50 })],
  ['webhook_order', 'the next was sent before the last was taken', (run) => put(at(run.arrivals, 2), { at: 180.5 })],
  ['webhook_content', 'told of another attempt', (run) => put(at(run.arrivals, 1), { attempt: 2 })],
  [
    'webhook_content',
    'told of a change that is not in the history',
    (run) => put(at(run.arrivals, 1), { sequence: 9 }),
  ],
  ['webhook_job', 'told of a job that is not there', (run) => put(at(run.arrivals, 0), { jobId: 'Z' })],
  [
    'webhook_id',
    'told again under another id',
    (run) => void run.arrivals.push({ ...at(run.arrivals, 6), at: 900, webhookId: 'A-7-2' }),
  ],
  ['webhook_id', 'two changes under one id', (run) => put(at(run.arrivals, 5), { webhookId: 'A-1' })],
  ['signature', 'it cannot be believed', (run) => put(at(run.arrivals, 0), { isAuthentic: false })],
  [
    'watcher',
    'a change was never told after the watcher resumed',
    (run) => void at(at(run.watches, 0).parts, 1).events.shift(),
  ],
  [
    'watcher',
    'a record was never told after the watcher resumed',
    (run) => void at(at(run.watches, 0).parts, 2).events.shift(),
  ],
  [
    'watcher',
    'an event came twice',
    (run) => void at(at(run.watches, 0).parts, 2).events.unshift(at(at(at(run.watches, 0).parts, 1).events, 3)),
  ],
  ['watcher', 'a stream ended cleanly before its job did', (run) => void at(at(run.watches, 0).parts, 2).events.pop()],
  [
    'watcher',
    'a watcher got a change that was never written',
    (run) => put(at(at(at(run.watches, 0).parts, 0).events, 2), { attempt: 2 }),
  ],
  [
    'records',
    'a record is missing in the history',
    (run) => {
      const final = at(run.finals, 0)
      final.events?.splice(6, 1)
      final.eventsAgain = structuredClone(final.events)
    },
  ],
  ['same_history', 'it is told otherwise the second time', (run) => put(at(run.finals, 0), { eventsAgain: [] })],
]

const crashed = { code: 'crashed', message: '', status: null } as const

const ALLOWED: readonly (readonly [string, (draft: Draft) => void])[] = [
  [
    'a webhook that comes again under the same id',
    (run) => void run.arrivals.push({ ...at(run.arrivals, 6), at: 900, answer: { status: 204, at: 901 } }),
  ],
  [
    'a busy target, which costs no attempt',
    (run) => void run.executions.push({ ...at(run.executions, 1), beganAt: 330, endedAt: 340, ending: 'busy' }),
  ],
  [
    'a caller who has the whole answer of a job that a kill left unwritten',
    (run) => put(jobOf(run, 'C'), { state: 'cancelled', error: crashed }),
  ],
  [
    'a caller who was cut off by the kill',
    (run) => {
      put(jobOf(run, 'C'), { state: 'cancelled', error: crashed })
      put(at(run.executions, 2), { beganAt: 195, endedAt: 199, ending: 'aborted' })
      put(at(run.calls, 0), { heard: WHOLE.slice(0, 30), ending: 'cut' })
      put(at(run.kills, 0), { at: 190 })
    },
  ],
  [
    'a caller who was cut off by a stop',
    (run) => {
      const error = { code: 'shutting_down', message: '', status: null } as const
      put(jobOf(run, 'C'), { state: 'cancelled', error })
      put(at(run.executions, 2), { beganAt: 195, endedAt: 199, ending: 'aborted' })
      put(at(run.calls, 0), { heard: WHOLE.slice(0, 30), ending: 'cut' })
      put(at(run.kills, 0), { signal: 'SIGTERM', isStopping: true, at: 190 })
    },
  ],
  [
    'a caller who was told of a stop that a kill then ended',
    (run) => {
      const error = { code: 'shutting_down', message: '', status: null } as const
      put(jobOf(run, 'C'), { state: 'cancelled', error })
      run.executions.splice(2, 1)
      put(at(run.calls, 0), { heard: '{"error":"stopping"}', status: 503, isOwnError: true })
      put(at(run.kills, 0), { isStopping: true, at: 190 })
    },
  ],
  [
    'a caller that hung up before a stop, which ended its queued job',
    (run) => {
      const error = { code: 'shutting_down', message: '', status: null } as const
      put(jobOf(run, 'C'), { state: 'cancelled', error, started_at: null })
      run.executions.splice(2, 1)
      put(at(run.calls, 0), { heard: '  ', ending: 'left', endedAt: 180 })
      put(at(run.kills, 0), { signal: 'SIGTERM', isStopping: true, at: 190 })
    },
  ],
  [
    'an error record of foreman behind an answer that broke off, on a line of its own',
    (run) => {
      put(jobOf(run, 'C'), { state: 'failed', error: { code: 'stream_broken', message: '', status: null } })
      put(at(run.executions, 2), { sent: WHOLE.slice(0, 30), ending: 'cut' })
      put(at(run.calls, 0), { heard: `${WHOLE.slice(0, 30)}\n{"error":"gone"}\n`, ending: 'cut' })
    },
  ],
  [
    'a first byte that was told and not written, whose number is left out',
    (run) => {
      const [first, second] = at(run.watches, 0).parts
      const final = at(run.finals, 0)
      for (const events of [must(final.events), must(final.eventsAgain)]) {
        events.splice(2, 1)
        put(state(at(events, 2)), { previous: 'loading' })
      }
      put(state(at(must(second).events, 0)), { previous: 'loading' })
      expect(must(first).events.some(({ number }) => number === eventNumber(3))).toBe(true)
      jobOf(run, 'A').deliveries.splice(2, 1)
      run.arrivals.splice(2, 1)
      put(at(run.arrivals, 2), { previous: 'loading' })
      put(at(run.readings, 0), { state: 'loading' })
    },
  ],
]

describe('the checker', () => {
  it('finds nothing in a run without a violation', () => {
    expect(report(check(soundHistory()))).toBe('')
  })

  it.each(BREACHES)('detects the violation %s: %s', (invariant, _what, breach) => {
    const run = soundHistory()
    breach(run)
    expect(check(run).map((violation) => violation.invariant)).toContain(invariant)
  })

  it.each(ALLOWED)('finds nothing in: %s', (_what, change) => {
    const run = soundHistory()
    change(run)
    expect(report(check(run))).toBe('')
  })

  it('has a violation for every invariant', () => {
    expect(new Set(BREACHES.map(([invariant]) => invariant))).toEqual(new Set(Object.keys(INVARIANTS)))
  })

  it('has the invariants of docs/reliability.md', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/reliability.md'), 'utf8')
    const promised = [...page.matchAll(/^\| `(\w+)` \| (.+) \|$/gm)].map(([, name, promise]) => [name, promise])
    expect(promised).toEqual(Object.entries(INVARIANTS).map(([name, { promise }]) => [name, promise]))
  })

  it('names the job and the evidence', () => {
    const run = soundHistory()
    at(run.finals, 0).response = null
    expect(report(check(run))).toBe(
      `artifact A: its response is missing; the run that ended sent ${WHOLE.length} characters, ${JSON.stringify(WHOLE.slice(0, 120))}\nrecords A: 3 records, and an answer of 0 lines`,
    )
  })
})
