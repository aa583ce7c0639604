// Owns THE table of what is promised of a run, and how the testimony is laid out for the judges: everything about one job in
// one place. Pure. It collects nothing, and it never stops at the first breach.

import type { Case, History, JudgeCase, JudgeRun, Violation } from './history.ts'
import * as ends from './judge-ends.ts'
import * as executions from './judge-executions.ts'
import * as tellings from './judge-tellings.ts'
import * as watching from './judge-watching.ts'

interface OfCase {
  readonly promise: string
  readonly ofCase: JudgeCase
}

interface OfRun {
  readonly promise: string
  readonly ofRun: JudgeRun
}

/** docs/reliability.md lists them; a test holds it to this. */
export const INVARIANTS = {
  lost: { promise: 'an acknowledged job is there, and over when all is quiet', ofRun: ends.lost },
  phantom: { promise: 'there is no job that nobody asked for', ofRun: ends.phantoms },
  one_per_key: { promise: 'an Idempotency-Key stands for one job', ofRun: ends.keys },
  ends_once: { promise: 'a job reaches one final state, and nothing changes after it', ofCase: ends.endsOnce },
  goes_back: { promise: 'what is read of a job never goes back', ofCase: ends.goesBack },
  legal_path: { promise: 'states follow each other only as job.ts allows', ofCase: ends.legalPath },
  caused_end: { promise: 'every end has a cause that was seen', ofCase: ends.causedEnd },
  one_at_a_time: { promise: 'no job runs beside another', ofRun: executions.overlaps },
  attempts: { promise: 'attempts are bounded, counted, and each explained', ofCase: executions.attempts },
  same_body: { promise: 'what is sent is what the model gets', ofCase: executions.sameBody },
  no_run_after_end: { promise: 'nothing of a job runs once it has ended', ofCase: executions.runsAfterEnd },
  artifact: {
    promise: 'done means whole: its artifacts are the bytes of the run that ended',
    ofCase: executions.artifact,
  },
  caller: {
    promise: 'a blocked caller hears one run, and all of it exactly if the job is done',
    ofCase: executions.callers,
  },
  told: { promise: 'every wanted change reached its receiver, or is given up for a 410', ofCase: tellings.told },
  told_in_order: { promise: "a job's webhooks come first in the order of its changes", ofCase: tellings.inOrder },
  told_truly: { promise: 'a webhook tells of a change that happened, as it happened', ofCase: tellings.truly },
  told_of_whom: { promise: 'a webhook tells of a job that is there', ofRun: tellings.ofWhom },
  webhook_id: { promise: 'a change has one webhook-id, however often it is told', ofRun: tellings.ids },
  signature: { promise: 'every webhook is signed so that it can be believed', ofRun: tellings.signatures },
  watcher: { promise: 'a watcher hears every change and every record once, in order', ofCase: watching.watchers },
  records: { promise: "a job's records are its answer, cut", ofCase: watching.records },
  same_history: { promise: 'a history that is read twice is the same', ofCase: watching.sameHistory },
} as const satisfies Record<string, OfCase | OfRun>

export type Invariant = keyof typeof INVARIANTS

/** Every breach that the testimony shows, by invariant and job. Empty: what was promised was kept. */
export function check(history: History): Violation[] {
  const cases = casesOf(history)
  return Object.entries<OfCase | OfRun>(INVARIANTS).flatMap(([invariant, judge]) => {
    if ('ofRun' in judge) return judge.ofRun(history).map((breach) => ({ invariant, ...breach }))
    return cases.flatMap((one) =>
      judge.ofCase(one, history).map((evidence) => ({ invariant, jobId: one.jobId, evidence })),
    )
  })
}

function casesOf(history: History): Case[] {
  const { finals, submits, calls, readings, cancels, watches, executions: runs, arrivals } = history
  const of = <T>(all: readonly T[], key: (one: T) => string | null): ((id: string | null) => readonly T[]) => {
    const groups = Map.groupBy(all, key)
    return (id) => (id === null ? [] : (groups.get(id) ?? []))
  }
  const submitsOf = of(submits, ({ ref, retryOf }) => retryOf ?? ref)
  const callsOf = of(calls, ({ jobId }) => jobId)
  // A caller who was cut off before he heard whose he is: his body tells.
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

/** One line a breach, for whoever reads the log of a run. */
export const report = (violations: readonly Violation[]): string =>
  violations.map(({ invariant, jobId, evidence }) => `${invariant} ${jobId ?? '-'}: ${evidence}`).join('\n')
