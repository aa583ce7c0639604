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
  lost: { promise: 'an acknowledged job is there, and over when all is quiet', checkRun: ends.lost },
  phantom: { promise: 'there is no job that nobody asked for', checkRun: ends.phantoms },
  one_per_key: { promise: 'an Idempotency-Key stands for one job', checkRun: ends.keys },
  ends_once: { promise: 'a job reaches one final state, and nothing changes after it', checkJob: ends.endsOnce },
  goes_back: { promise: 'what is read of a job never goes back', checkJob: ends.goesBack },
  legal_path: { promise: 'states follow each other only as job.ts allows', checkJob: ends.legalPath },
  caused_end: { promise: 'every end has a cause that was seen', checkJob: ends.causedEnd },
  one_at_a_time: { promise: 'no job runs beside another', checkRun: executions.overlaps },
  attempts: { promise: 'attempts are bounded, counted, and each explained', checkJob: executions.attempts },
  same_body: { promise: 'what is sent is what the model gets', checkJob: executions.sameBody },
  no_run_after_end: { promise: 'nothing of a job runs once it has ended', checkJob: executions.runsAfterEnd },
  artifact: {
    promise: 'done means whole: its artifacts are the bytes of the run that ended',
    checkJob: executions.artifact,
  },
  caller: {
    promise: 'a blocked caller hears one run, and all of it exactly if the job is done',
    checkJob: executions.callers,
  },
  told: { promise: 'every wanted change reached its receiver, or is given up for a 410', checkJob: tellings.announced },
  told_in_order: { promise: "a job's webhooks come first in the order of its changes", checkJob: tellings.inOrder },
  told_truly: { promise: 'a webhook tells of a change that happened, as it happened', checkJob: tellings.accurate },
  told_of_whom: { promise: 'a webhook tells of a job that is there', checkRun: tellings.knownJobs },
  webhook_id: { promise: 'a change has one webhook-id, however often it is told', checkRun: tellings.ids },
  signature: { promise: 'every webhook is signed so that it can be believed', checkRun: tellings.signatures },
  watcher: { promise: 'a watcher hears every change and every record once, in order', checkJob: watching.watchers },
  records: { promise: "a job's records are its answer, cut", checkJob: watching.records },
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
