// Page of one job on a terminal: state, times, tokens, error, artifacts and webhooks. Pure.

import { isFinal } from '../client/index.ts'
import type { DeliveryDocument, JobDocument, JobErrorDocument, JobState } from '../protocol/wire.ts'
import { aheadText, errorHint, errorText, etaText, paintState, speedText, waitingForText } from './job-words.ts'
import { age, bytes, printable, since, styled, table, until } from './terminal.ts'

export function jobPage(job: JobDocument, width: number, now: number): string {
  const { job_id, state, label, retry_of, attempt, timings, done_reason, error } = job
  const isQueued = state === 'queued'
  const times = Object.entries({ queued: timings.queue_ms, loading: timings.load_ms, run: timings.run_ms })
  const rows: readonly (readonly [name: string, text: string | null])[] = [
    ['job', `${printable(job_id)}  ${paintState(state)}`],
    ['model', printable(job.model)],
    ['endpoint', printable(job.endpoint)],
    ['label', label && printable(label)],
    ['retry of', retry_of && printable(retry_of)],
    ['created', when(job.created_at, now)],
    ['queue', isQueued ? queueText(job) : null],
    ['waits for', isQueued && job.waiting_for !== null ? waitingForText(job.waiting_for, now) : null],
    ['attempt', isQueued && attempt === 0 ? null : `${attempt} of ${job.max_attempts}`],
    ['finished', job.finished_at && when(job.finished_at, now)],
    ['times', times.flatMap(([name, ms]) => (ms === null ? [] : [`${name} ${age(ms)}`])).join(', ')],
    ['tokens', tokensText(job)],
    ['reason', done_reason && printable(done_reason)],
    ...(error === null ? [] : errorRows(error, state)),
  ]
  const lines = rows.flatMap(([name, text]) => (text ? `${styled('bold', name.padEnd(9))}  ${text}` : []))
  if (job.artifacts.length > 0) {
    lines.push('', ...artifactTable(job.artifacts, width))
    if (isFinal(state)) lines.push(styled('dim', `foreman jobs artifact ${printable(job_id)}`))
  }
  if (job.deliveries.length > 0) lines.push('', ...deliveryTable(job.deliveries, width, now))
  return lines.join('\n')
}

const when = (iso: string, now: number): string => `${printable(iso)}  ${since(iso, now)} ago`

const queueText = (job: JobDocument): string =>
  `${aheadText(job.position)}${(job.eta_seconds ?? 0) < 1 ? '' : `, in about ${etaText(job)}`}`

function tokensText(job: JobDocument): string | null {
  if (job.usage === null) return null
  const { prompt_tokens, completion_tokens, cached_prompt_tokens: cached } = job.usage
  const speed = speedText(job)
  const ofCache = cached === null ? '' : ` (${cached} of them cached)`
  return `${prompt_tokens ?? '?'} in${ofCache}, ${completion_tokens ?? '?'} out${speed === '–' ? '' : `, ${speed} a second`}`
}

function errorRows(error: JobErrorDocument, state: JobState): [name: string, text: string | null][] {
  const hint = errorHint(error)
  return [
    [state === 'cancelled' ? 'why' : 'error', styled('red', errorText(error))],
    ['', `${printable(error.code)}${error.status === null ? '' : `, HTTP ${error.status}`}`],
    ['', hint && styled('dim', hint)],
  ]
}

/** The table of a job's artifacts. */
export const artifactTable = (artifacts: JobDocument['artifacts'], width: number): string[] =>
  table(
    [{ heading: 'ARTIFACT' }, { heading: 'SIZE', align: 'right' }, { heading: 'TYPE', shrinks: true }],
    artifacts.map((it) => [printable(it.name), bytes(it.bytes), printable(it.content_type)]),
    width,
  )

const deliveryTable = (deliveries: readonly DeliveryDocument[], width: number, now: number): string[] =>
  table(
    [
      { heading: 'WEBHOOK', align: 'right' },
      { heading: 'OF' },
      { heading: 'STATUS' },
      { heading: 'TRIES', align: 'right' },
      { heading: 'NEXT' },
      { heading: 'WHY', shrinks: true },
    ],
    deliveries.map(({ n, state, status, tries, reason, next_try_at }) => [
      String(n),
      printable(state),
      printable(status.replace('_', ' ')),
      String(tries),
      next_try_at === null ? '' : `in ${until(next_try_at, now)}`,
      printable(reason?.replaceAll('_', ' ') ?? ''),
    ]),
    width,
  )
