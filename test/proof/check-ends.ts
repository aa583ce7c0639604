// Checks of the life of a job as a whole: it exists, ends once, by allowed transitions and for a known cause.

import { isFinal, type State, TRANSITIONS } from '../../src/daemon/domain/job.ts'
import { killedWithin, stoppedWithin } from './check-executions.ts'
import type { Call, JobCheck, JobRecords, Reading, RunCheck, RunHistory, SeenEvent, Submit } from './run-history.ts'

export type StateChange = Extract<SeenEvent, { type: 'state' }>

/** The state changes among events. */
export const changesIn = (events: readonly SeenEvent[]): StateChange[] =>
  events.filter((event) => event.type === 'state')

const accepted = (submits: readonly Submit[]): string[] =>
  submits.flatMap(({ outcome }) => (outcome.kind === 'accepted' ? [outcome.jobId] : []))

export const lost: RunCheck = ({ submits, calls, finals }) => {
  const there = new Set(finals.map(({ job }) => job.job_id))
  const promised = [...accepted(submits), ...calls.flatMap(({ jobId }) => (jobId === null ? [] : [jobId]))]
  const missing = [...new Set(promised)].filter((id) => !there.has(id))
  const open = finals.filter(({ job }) => !isFinal(job.state))
  return [
    ...missing.map((jobId) => ({ jobId, evidence: 'it was acknowledged, and is not there' })),
    ...open.map(({ job }) => ({ jobId: job.job_id, evidence: `all is quiet, and it is still ${job.state}` })),
  ]
}

export const phantoms: RunCheck = ({ submits, calls, finals }) => {
  const worksOf = Map.groupBy(submits, ({ ref, retryOf }) => retryOf ?? ref)
  const jobsOf = Map.groupBy(
    finals.filter(({ events }) => events !== null),
    ({ job }) => job.retry_of ?? job.label ?? '',
  )
  const tooMany = [...jobsOf].flatMap(([work, jobs]) => {
    const asked = worksOf.get(work) ?? []
    const perhaps = asked.filter(({ outcome }) => outcome.kind === 'unknown').length
    const most = new Set(accepted(asked)).size + perhaps
    if (jobs.length <= most) return []
    const evidence = `"${work}" has ${jobs.length} jobs; it was asked ${asked.length} times, and ${most} can have been taken`
    return [{ jobId: jobs[0]?.job.job_id ?? null, evidence }]
  })
  const named = new Set(calls.map(({ jobId }) => jobId))
  const nameless = finals.filter(({ job, events }) => events === null && !named.has(job.job_id))
  const cutOff = calls.filter(({ jobId }) => jobId === null).length
  if (nameless.length <= cutOff) return tooMany
  const evidence = `${nameless.length} waiting calls without a known caller, but only ${cutOff} callers that got no id`
  return [...tooMany, { jobId: nameless[0]?.job.job_id ?? null, evidence }]
}

export const keys: RunCheck = ({ submits, finals }) => {
  const keyed = Map.groupBy(
    submits.filter(({ key }) => key !== null),
    ({ ref }) => ref,
  )
  return [...keyed].flatMap(([ref, asked]) => {
    const there = finals.filter(({ job }) => job.label === ref && job.retry_of === null).map(({ job }) => job.job_id)
    const ids = [...new Set([...accepted(asked), ...there])]
    const evidence = `key ${asked[0]?.key} has several jobs: ${ids.join(', ')}`
    return ids.length > 1 ? [{ jobId: ids[0] ?? null, evidence }] : []
  })
}

export const endsOnce: JobCheck = ({ final, readings, watches, arrivals }) => {
  const { job, events } = final
  const told = [
    { who: 'the last reading', state: job.state, finishedAt: job.finished_at },
    ...readings.map(({ state, finishedAt }) => ({ who: 'a reading', state, finishedAt })),
    ...changesIn(events ?? []).map(({ state }) => ({ who: 'its history', state, finishedAt: job.finished_at })),
    ...watches.flatMap(({ parts }) =>
      parts
        .flatMap((part) => changesIn(part.events))
        .map(({ state, timestamp }) => ({ who: 'a watcher', state, finishedAt: timestamp })),
    ),
    ...arrivals.map(({ state, timestamp }) => ({ who: 'a receiver', state, finishedAt: timestamp })),
  ].filter(({ state }) => isFinal(state))
  const ends = Map.groupBy(told, ({ state, finishedAt }) => `${state} at ${finishedAt}`)
  const seen = [...ends].map(([end, by]) => `${end} (${by[0]?.who})`)
  const finals = changesIn(events ?? []).filter(({ state }) => isFinal(state))
  return [
    ...(ends.size > 1 ? [`it ended more than once: ${seen.join(', ')}`] : []),
    ...(finals.length > 1 ? [`its history has ${finals.length} ends`] : []),
    ...afterEnd(readings),
  ]
}

/** Finds a state that is not final in a reading asked for after the end had been reported. */
function afterEnd(readings: readonly Reading[]): string[] {
  const over = readings.filter(({ state }) => isFinal(state))
  const first = Math.min(...over.map(({ answeredAt }) => answeredAt))
  const later = readings.find(({ askedAt, state }) => askedAt > first && !isFinal(state))
  return later === undefined ? [] : [`it was over at ${first}, and ${later.state} at ${later.answeredAt}`]
}

export const goesBack: JobCheck = ({ final, readings }) => {
  if (final.events === null) return []
  const changes = changesIn(final.events)
  const placed: { answeredAt: number; place: number }[] = []
  for (const { state, attempt, askedAt, answeredAt } of readings.toSorted((a, b) => a.askedAt - b.askedAt)) {
    const known = Math.max(0, ...placed.filter((one) => one.answeredAt < askedAt).map(({ place }) => place))
    const place = changes.findIndex((one, at) => at >= known && one.state === state && one.attempt === attempt)
    if (place === -1) {
      return [
        `read as ${state}, attempt ${attempt}, at ${answeredAt}: its history has no such place behind what was read before`,
      ]
    }
    placed.push({ answeredAt, place })
  }
  return []
}

const LEGAL = new Set(
  Object.values(TRANSITIONS).flatMap(({ from, to, attempt }) =>
    from.map((left: State) => `${left} → ${to}, attempt ${attempt < 0 ? '' : '+'}${attempt}`),
  ),
)

export const legalPath: JobCheck = ({ final: { job, events } }) => {
  if (events === null) return []
  const changes = changesIn(events)
  const [first] = changes
  const last = changes.at(-1)
  const wrong: string[] = []
  if (first?.state !== 'queued' || first.previous !== null || first.attempt !== 0) {
    wrong.push(`its history begins with ${first?.state ?? 'nothing'}`)
  }
  if (last?.state !== job.state || last.attempt !== job.attempt) {
    wrong.push(`its history ends with ${last?.state}, attempt ${last?.attempt}; it is ${job.state}, ${job.attempt}`)
  }
  for (const [at, change] of changes.entries()) {
    const before = changes[at - 1]
    if (before === undefined) continue
    const more = change.attempt - before.attempt
    const step = `${before.state} → ${change.state}, attempt ${more < 0 ? '' : '+'}${more}`
    if (change.previous !== before.state || !LEGAL.has(step)) wrong.push(`${step} (says it left ${change.previous})`)
  }
  return wrong
}

export const causedEnd: JobCheck = (one, history) => {
  const { job } = one.final
  if (!isFinal(job.state)) return []
  const last = one.executions.findLast(({ ending }) => ending !== 'busy')
  const cause = causeOf(one, history, last?.ending ?? 'none')
  return cause
    ? []
    : [`${job.state}, ${job.error?.code ?? 'no error'}; its last run at the target: ${last?.ending ?? 'none'}`]
}

const hasLeft = ({ ending }: Call): boolean => ending === 'left'

/** Returns whether the records explain the end of the job. A code that is missing here must not occur in a run. */
function causeOf({ final: { job, events }, calls, cancels }: JobRecords, history: RunHistory, ending: string): boolean {
  switch (job.error?.code ?? job.state) {
    case 'done':
      return ending === 'whole'
    case 'target_error':
      return ending === 'error'
    case 'incomplete_stream':
      return ending === 'unmarked'
    case 'attempts_exhausted':
      // The last attempt may have been claimed and never sent because of a kill, which `attempts` checks.
      return job.attempt === history.maxAttempts && ending !== 'unmarked' && ending !== 'error'
    case 'stream_broken':
      return calls.length > 0 && ending === 'cut'
    case 'cancelled':
      return cancels.length > 0
    case 'caller_gone':
      // A caller that hung up before it got an id, and never reached the target, cannot be told apart from other such callers.
      return (calls.length > 0 ? calls : history.calls.filter((call) => call.jobId === null)).some(hasLeft)
    case 'crashed':
      // The kill cut off the caller. A caller that had hung up, or had the whole answer, needs no kill.
      return calls.every(({ askedAt, endedAt, ending }) =>
        killedWithin(history, askedAt, ending === 'cut' ? endedAt : Number.POSITIVE_INFINITY),
      )
    case 'target_unreachable':
      return calls.length > 0
    case 'shutting_down':
      // A stop does not end an async job. A caller that never got an id may have called before any of the stops. A caller that
      // hung up left its job in the queue for ten seconds, and the stop came within them.
      return (
        events === null &&
        calls.every(({ askedAt, endedAt, ending }) =>
          stoppedWithin(history, askedAt, ending === 'left' ? Number.POSITIVE_INFINITY : endedAt),
        )
      )
    default:
      return false
  }
}
