// Table of the invariants of a run, and the function that checks a run against them. It checks all of them and never stops at the first
// violation.

import * as ends from './check-ends.ts'
import * as watching from './check-event-streams.ts'
import * as executions from './check-executions.ts'
import * as tellings from './check-webhooks.ts'
import type { JobCheck, JobRecords, RunCheck, RunHistory, Violation } from './run-history.ts'

interface OfCase {
  readonly promise: string
  readonly checkJob: JobCheck
}

interface OfRun {
  readonly promise: string
  readonly checkRun: RunCheck
}

/** Listed in docs/reliability.md; a test compares. */
export const INVARIANTS = {
  lost: { promise: 'an acknowledged job exists, and it has ended when the run is over', checkRun: ends.lost },
  phantom: { promise: 'every job was submitted by a client', checkRun: ends.phantoms },
  one_per_key: { promise: 'an Idempotency-Key belongs to one job', checkRun: ends.keys },
  ends_once: { promise: 'a job reaches one final state, and does not change after that', checkJob: ends.endsOnce },
  goes_back: { promise: 'a client that reads a job again never sees an earlier state of it', checkJob: ends.goesBack },
  legal_path: { promise: 'each change of state is one that the table of transitions allows', checkJob: ends.legalPath },
  caused_end: { promise: 'every end has a cause that one of the parties recorded', checkJob: ends.causedEnd },
  one_at_a_time: { promise: 'only one job runs at a time', checkRun: executions.overlaps },
  attempts: { promise: 'attempts are limited and counted, and each has a cause', checkJob: executions.attempts },
  same_body: { promise: 'the target gets the body that the client sent', checkJob: executions.sameBody },
  no_run_after_end: { promise: 'a job does not run after it has ended', checkJob: executions.runsAfterEnd },
  artifact: {
    promise: 'the artifacts of a done job are all bytes of the run that ended',
    checkJob: executions.artifact,
  },
  caller: {
    promise: 'a waiting caller gets the answer of one run, and all of it if and only if the job is done',
    checkJob: executions.callers,
  },
  webhook_sent: {
    promise: 'every requested change reached its receiver, or was given up because of a 410',
    checkJob: tellings.announced,
  },
  webhook_order: { promise: "a job's webhooks first arrive in the order of its changes", checkJob: tellings.inOrder },
  webhook_content: {
    promise: 'a webhook describes a change of the history, as it happened',
    checkJob: tellings.accurate,
  },
  webhook_job: { promise: 'a webhook belongs to a job that exists', checkRun: tellings.knownJobs },
  webhook_id: { promise: 'a change has the same webhook-id in every try', checkRun: tellings.ids },
  signature: { promise: 'every webhook has valid signatures', checkRun: tellings.signatures },
  watcher: { promise: 'a watcher gets every change and every record once, in order', checkJob: watching.watchers },
  records: { promise: "a job's records, joined, are its answer", checkJob: watching.records },
  same_history: { promise: 'a history that is read twice is the same', checkJob: watching.sameHistory },
} as const satisfies Record<string, OfCase | OfRun>

export type Invariant = keyof typeof INVARIANTS

/** Returns every violation, by invariant and job. */
export function check(history: RunHistory): Violation[] {
  const cases = casesOf(history)
  return Object.entries<OfCase | OfRun>(INVARIANTS).flatMap(([invariant, judge]) => {
    if ('checkRun' in judge) return judge.checkRun(history).map((breach) => ({ invariant, ...breach }))
    return cases.flatMap((one) =>
      judge.checkJob(one, history).map((evidence) => ({ invariant, jobId: one.jobId, evidence })),
    )
  })
}

function casesOf(history: RunHistory): JobRecords[] {
  const { finals, submits, calls, readings, cancels, watches, executions: runs, arrivals } = history
  const of = <T>(all: readonly T[], key: (one: T) => string | null): ((id: string | null) => readonly T[]) => {
    const groups = Map.groupBy(all, key)
    return (id) => (id === null ? [] : (groups.get(id) ?? []))
  }
  const submitsOf = of(submits, ({ ref, retryOf }) => retryOf ?? ref)
  const callsOf = of(calls, ({ jobId }) => jobId)
  // A caller that was cut off before it got the job id is found by its body.
  const nameless = of(calls, ({ jobId, body }) => (jobId === null ? body : null))
  const readingsOf = of(readings, ({ jobId }) => jobId)
  const cancelsOf = of(cancels, ({ jobId }) => jobId)
  const watchesOf = of(watches, ({ jobId }) => jobId)
  const runsOf = of(runs, ({ jobId }) => jobId)
  const arrivalsOf = of(arrivals, ({ jobId }) => jobId)
  return finals.map((final) => {
    const { job_id: jobId, label, retry_of: retryOf } = final.job
    const own = runsOf(jobId)
    const isLive = final.events === null
    return {
      jobId,
      final,
      submits: isLive ? [] : submitsOf(retryOf ?? label),
      calls: isLive ? [...callsOf(jobId), ...nameless(own[0]?.body ?? null)] : [],
      readings: readingsOf(jobId),
      cancels: cancelsOf(jobId),
      watches: watchesOf(jobId),
      executions: own.toSorted((a, b) => a.beganAt - b.beganAt),
      arrivals: arrivalsOf(jobId).toSorted((a, b) => a.at - b.at),
    }
  })
}

/** Returns one line for each violation. */
export const report = (violations: readonly Violation[]): string =>
  violations.map(({ invariant, jobId, evidence }) => `${invariant} ${jobId ?? '-'}: ${evidence}`).join('\n')
