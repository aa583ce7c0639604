// Page of one job on a terminal: state, times, tokens, error, artifacts and webhooks. Pure.

import { isFinal } from '../client/index.ts'
import type { DeliveryDocument, JobDocument, UsageDocument } from '../protocol/wire.ts'
import { aheadText, errorHint, errorText, etaText, paintState, speedText, waitingForText } from './job-words.ts'
import { age, bytes, type Painter, printable, styled, table } from './terminal.ts'

export function jobPage(job: JobDocument, width: number, now: number, style: Painter = styled): string {
  const lines = [
    row('job', `${printable(job.job_id)}  ${paintState(job.state, style)}`, style),
    row('model', printable(job.model), style),
    row('endpoint', printable(job.endpoint), style),
    ...(job.label === null ? [] : [row('label', printable(job.label), style)]),
    ...(job.retry_of === null ? [] : [row('retry of', printable(job.retry_of), style)]),
    row('created', when(job.created_at, now), style),
    ...progressLines(job, now, style),
    ...(job.finished_at === null ? [] : [row('finished', when(job.finished_at, now), style)]),
    ...timesLines(job, style),
    ...errorLines(job, style),
  ]
  if (job.artifacts.length > 0) lines.push('', ...artifactLines(job, width, style))
  if (job.deliveries.length > 0) lines.push('', ...deliveryLines(job.deliveries, width, now, style))
  return lines.join('\n')
}

const row = (name: string, text: string, style: Painter): string => `${style('bold', name.padEnd(9))}  ${text}`

const when = (iso: string, now: number): string => `${printable(iso)}  ${age(now - Date.parse(iso))} ago`

function progressLines(job: JobDocument, now: number, style: Painter): string[] {
  const sent = `${job.attempt} of ${job.max_attempts}`
  if (job.state !== 'queued') return [row('attempt', sent, style)]
  const eta = (job.eta_seconds ?? 0) < 1 ? '' : `, in about ${etaText(job)}`
  return [
    row('queue', `${aheadText(job.position)}${eta}`, style),
    ...(job.waiting_for === null ? [] : [row('waits for', waitingForText(job.waiting_for, now), style)]),
    ...(job.attempt === 0 ? [] : [row('attempt', sent, style)]),
  ]
}

function timesLines({ timings, usage, done_reason, ...job }: JobDocument, style: Painter): string[] {
  const times = Object.entries({ queued: timings.queue_ms, loading: timings.load_ms, run: timings.run_ms })
    .flatMap(([name, ms]) => (ms === null ? [] : [`${name} ${age(ms)}`]))
    .join(', ')
  const speed = speedText({ ...job, timings, usage, done_reason })
  const tokens =
    usage === null
      ? ''
      : `${usage.prompt_tokens ?? '?'} in${cachedText(usage)}, ${usage.completion_tokens ?? '?'} out${speed === '–' ? '' : `, ${speed} a second`}`
  return [
    ...(times === '' ? [] : [row('times', times, style)]),
    ...(tokens === '' ? [] : [row('tokens', tokens, style)]),
    ...(done_reason === null ? [] : [row('reason', printable(done_reason), style)]),
  ]
}

const cachedText = ({ cached_prompt_tokens: cached }: UsageDocument): string =>
  cached === null ? '' : ` (${cached} of them cached)`

function errorLines({ error, state }: JobDocument, style: Painter): string[] {
  if (error === null) return []
  const status = error.status === null ? '' : `, HTTP ${error.status}`
  const hint = errorHint(error)
  return [
    row(state === 'cancelled' ? 'why' : 'error', style('red', errorText(error)), style),
    row('', `${printable(error.code)}${status}`, style),
    ...(hint === null ? [] : [row('', style('dim', hint), style)]),
  ]
}

function artifactLines({ job_id, artifacts, state }: JobDocument, width: number, style: Painter): string[] {
  const rows = artifacts.map(({ name, content_type, bytes: size }) => [
    printable(name),
    bytes(size),
    printable(content_type),
  ])
  const [head = '', ...shown] = table(
    [{ heading: 'ARTIFACT' }, { heading: 'SIZE', align: 'right' }, { heading: 'TYPE', shrinks: true }],
    rows,
    width,
  )
  const hint = isFinal(state) ? [style('dim', `foreman jobs artifact ${printable(job_id)}`)] : []
  return [style('bold', head), ...shown, ...hint]
}

function deliveryLines(deliveries: readonly DeliveryDocument[], width: number, now: number, style: Painter): string[] {
  const rows = deliveries.map(({ n, state, status, tries, reason, next_try_at }) => [
    String(n),
    printable(state),
    printable(status.replace('_', ' ')),
    String(tries),
    next_try_at === null ? '' : `in ${age(Date.parse(next_try_at) - now)}`,
    printable(reason?.replaceAll('_', ' ') ?? ''),
  ])
  const [head = '', ...shown] = table(
    [
      { heading: 'WEBHOOK', align: 'right' },
      { heading: 'OF' },
      { heading: 'STATUS' },
      { heading: 'TRIES', align: 'right' },
      { heading: 'NEXT' },
      { heading: 'WHY', shrinks: true },
    ],
    rows,
    width,
  )
  return [style('bold', head), ...shown]
}
