// Checks of the work at the target: one job at a time, each attempt counted and explained, the body unchanged, and the answer kept.

import { isFinal } from '../../src/daemon/domain/job.ts'
import type { Call, Execution, JobCheck, JobRecords, Kill, LogicalTime, RunCheck, RunHistory } from './run-history.ts'

const killsWithin = ({ kills }: RunHistory, from: LogicalTime, to: LogicalTime): readonly Kill[] =>
  kills.filter(({ at, goneAt }) => at < to && goneAt > from)

export const killedWithin = (history: RunHistory, from: LogicalTime, to: LogicalTime): boolean =>
  killsWithin(history, from, to).length > 0

export const stoppedWithin = (history: RunHistory, from: LogicalTime, to: LogicalTime): boolean =>
  killsWithin(history, from, to).some(({ isStopping }) => isStopping)

/**
 * Neither a busy target nor a run that an orderly stop aborts costs an attempt. A run that a kill aborts during the stop may
 * have cost one, and counts as unseen.
 */
const isCounted = (history: RunHistory, { ending, beganAt, endedAt }: Execution): boolean =>
  ending !== 'busy' && !(ending === 'aborted' && stoppedWithin(history, beganAt, endedAt))

export const overlaps: RunCheck = ({ executions }) => {
  const inOrder = executions.toSorted((a, b) => a.beganAt - b.beganAt)
  let open: Execution | null = null
  const found: { jobId: string; evidence: string }[] = []
  for (const run of inOrder) {
    if (open !== null && run.beganAt < open.endedAt) {
      const evidence = `began at ${run.beganAt}; ${open.jobId}, attempt ${open.attempt}, ran from ${open.beganAt} to ${open.endedAt}`
      found.push({ jobId: run.jobId, evidence })
    }
    if (open === null || run.endedAt > open.endedAt) open = run
  }
  return found
}

const bornAt = ({ submits, calls }: JobRecords): LogicalTime =>
  Math.min(...[...submits, ...calls].map(({ askedAt }) => askedAt))

export const attempts: JobCheck = (one, history) => {
  const { job } = one.final
  const counted = one.executions.filter((run) => isCounted(history, run))
  const numbers = counted.map(({ attempt }) => attempt)
  const wrong: string[] = []
  if (job.attempt > history.maxAttempts) wrong.push(`${job.attempt} attempts, of ${history.maxAttempts}`)
  if (numbers.some((attempt, at) => attempt <= (numbers[at - 1] ?? 0)) || (numbers.at(-1) ?? 0) > job.attempt) {
    wrong.push(`it shows ${job.attempt} attempts; the target saw the attempts ${numbers.join(', ')}`)
  }
  return [...wrong, ...unseen(one, counted, history), ...unexplained(one, counted, history)]
}

/** Attempts that were counted and never reached the target: each needs its own kill between its neighbours. */
function unseen(one: JobRecords, counted: readonly Execution[], history: RunHistory): string[] {
  const { job } = one.final
  const bounds = [...counted, null]
  let before = { attempt: 0, at: bornAt(one) }
  return bounds.flatMap((run) => {
    const next = run ?? { attempt: job.attempt + 1, beganAt: Number.POSITIVE_INFINITY }
    const missing = next.attempt - before.attempt - 1
    const from = before.at
    const kills = killsWithin(history, from, next.beganAt).length
    // It was claimed while it was cancelled: counted, and dropped before it was sent.
    const caught = run === null && job.state === 'cancelled' ? 1 : 0
    before = { attempt: next.attempt, at: run?.endedAt ?? from }
    if (missing <= kills + caught) return []
    return [
      `${missing} attempts before attempt ${next.attempt} never came to the target, and only ${kills} kills explain that`,
    ]
  })
}

/** Finds runs that foreman broke off although no caller cancelled or left. */
function unexplained({ cancels, calls }: JobRecords, counted: readonly Execution[], history: RunHistory): string[] {
  const isWished = (run: Execution): boolean =>
    cancels.some(({ askedAt }) => askedAt < run.endedAt) || calls.some(({ ending }) => ending === 'left')
  return counted
    .filter((run) => run.ending === 'aborted' && !isWished(run))
    .filter(({ beganAt, endedAt }) => !killedWithin(history, beganAt, endedAt))
    .map(({ attempt }) => `attempt ${attempt} was broken off, and nobody killed, cancelled or hung up`)
}

export const sameBody: JobCheck = ({ submits, calls, executions }) => {
  const asked = new Set([...submits, ...calls].map(({ body }) => body))
  return executions
    .filter(({ body }) => !asked.has(body))
    .map(
      ({ attempt, body }) => `attempt ${attempt} sent ${body}; it was asked for ${[...asked].join(', ') || 'nothing'}`,
    )
}

export const runsAfterEnd: JobCheck = ({ final: { job }, readings, executions }) => {
  const over = readings.filter(({ state }) => isFinal(state)).map(({ answeredAt }) => answeredAt)
  const told = Math.min(...over)
  const late = executions.filter(({ beganAt }) => beganAt > told)
  const never = job.started_at === null ? executions : []
  return [
    ...late.map(
      ({ attempt, beganAt }) => `attempt ${attempt} began at ${beganAt}; a client knew at ${told} that it was over`,
    ),
    ...never.map(({ attempt }) => `it never started, says its last reading; attempt ${attempt} was at the target`),
  ]
}

export const artifact: JobCheck = ({ final, executions, arrivals }) => {
  const { job, events, response, completion } = final
  const run = executions.findLast(({ ending }) => ending === 'whole')
  if (job.state !== 'done') {
    const told = arrivals.filter((arrival) => arrival.completion !== null)
    return [
      ...(completion === null ? [] : ['it has a completion, and is not done']),
      ...told.map(({ sequence }) => `its webhook ${sequence} has a completion, and it is not done`),
    ]
  }
  if (run === undefined) return ['it is done, and no run of it came to its end']
  if (run.attempt !== job.attempt)
    return [`it is done with attempt ${job.attempt}; attempt ${run.attempt} came to its end`]
  if (events === null) return []
  const untrue = arrivals.filter(({ state, ...told }) => state === 'done' && told.completion !== run.text)
  return [
    ...(response === run.sent ? [] : [differing('response', response, run.sent)]),
    ...(completion === run.text ? [] : [differing('completion', completion, run.text)]),
    ...untrue.map((told) => `told: ${differing('completion', told.completion, run.text)}`),
  ]
}

const differing = (name: string, is: string | null, should: string): string =>
  `its ${name} is ${short(is)}; the run that ended sent ${short(should)}`

const short = (text: string | null): string =>
  text === null ? 'missing' : `${text.length} characters, ${JSON.stringify(text.slice(0, 120))}`

/** foreman's error record after an incomplete answer, on a separate line. */
const OWN_RECORD = /\n{0,2}(?:data: )?\{"error":[^\n]*\n*$/
/** Heartbeats before the first byte. */
const BEATS = /^(?: |: waiting\n\n)+/

export const callers: JobCheck = (one, history) => one.calls.flatMap((call) => breachesOf(call, one, history))

function breachesOf(call: Call, { final: { job }, executions }: JobRecords, history: RunHistory): string[] {
  const { status, ending, askedAt, endedAt } = call
  const wasKilled = killedWithin(history, askedAt, endedAt)
  if (job.state === 'done' && ending === 'cut' && !wasKilled) return ['done, and its caller was cut off']
  if (status === null || call.isOwnError)
    return job.state === 'done' && ending === 'whole' ? ['done, told as an error'] : []
  const heard = call.heard.replace(BEATS, '')
  const sources = executions.filter(({ ending: end }) => end !== 'busy')
  if (ending === 'whole') {
    if (!sources.some((run) => run.sent === heard && (run.status === status || run.ending === 'whole'))) {
      return [`a whole answer that no run gave: ${status}, ${short(heard)}`]
    }
    const isWhole = sources.some((run) => run.sent === heard && run.ending === 'whole')
    if (status === 200 && !isWhole) return [`an answer that was not whole ended as if it were: ${short(heard)}`]
    // The row is written last: a kill before it leaves a caller with the answer, and a row without it.
    if (status === 200 && job.state !== 'done' && job.error?.code !== 'crashed')
      return [`a whole answer, and it is ${job.state}`]
    return []
  }
  const possible = [heard, heard.replace(OWN_RECORD, '')]
  if (possible.some((bytes) => bytes === '' || sources.some(({ sent }) => sent.startsWith(bytes)))) return []
  return [`what its caller heard is no beginning of one run: ${short(heard)}`]
}
