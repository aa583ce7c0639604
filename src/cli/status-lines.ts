// Lines that show GET /status on a terminal: target, running job, queue and drain. `foreman ps` and `foreman top` share
// them. Pure.

import { formatDuration } from '../daemon/text/grammar.ts'
import { withoutErrno } from '../daemon/text/system-error.ts'
import type { StatusDocument } from '../protocol/wire.ts'
import { waitingForText } from './job-words.ts'
import { age, bytes, cut, printable, since, styled, table, until } from './terminal.ts'

/** Ollama reports an expiry in about two hundred years for a pinned model. */
const PINNED_AFTER_MS = 365 * 86_400_000

const TITLE_WIDTH = 9

const titled = (title: string, text: string): string => `${styled('bold', title.padEnd(TITLE_WIDTH))}${text}`

/** The target, its resident models, and the phase of foreman. */
export function targetLines({ target, phase }: StatusDocument, width: number, now: number): string[] {
  const room = width - TITLE_WIDTH
  const models = target.resident.map(({ model, size, size_vram, expires_at }) => {
    const left = Date.parse(expires_at) - now
    const kept = left > PINNED_AFTER_MS ? 'pinned' : left > 0 ? `for ${age(left)}` : left <= 0 ? 'expired' : '?'
    const about = `${bytes(Math.max(size ?? 0, size_vram))}, ${kept}`
    return `${cut(printable(model), room - 2 - about.length)}  ${styled('dim', about)}`
  })
  const isEmpty = target.resident.length === 0 && target.reachable === true
  const lines = [
    reachableText(target, now),
    ...(target.reachable === false && target.reason !== null
      ? [cut(printable(withoutErrno(target.reason)), room)]
      : []),
    ...models,
    ...(isEmpty ? [styled('dim', 'no model in memory')] : []),
    ...(target.slots_too_few
      ? [styled('yellow', 'cannot hold embedder and chat model at once: set OLLAMA_MAX_LOADED_MODELS=2 there')]
      : []),
  ]
  return [
    titled('TARGET', cut(printable(target.url), room)),
    ...lines.map((line) => titled('', line)),
    ...(phase === 'ready' ? [] : ['', styled('yellow', `foreman is ${printable(phase)}`)]),
  ]
}

function reachableText({ reachable, probed_at, version }: StatusDocument['target'], now: number): string {
  if (reachable === null) return 'not probed yet'
  const ollama = version === null ? '' : `  Ollama ${printable(version)}`
  if (reachable) return `${styled('green', 'awake')}${ollama}`
  return probed_at === null
    ? `${styled('yellow', 'not reachable')}  (never seen since foreman started)${ollama}`
    : `${styled('yellow', 'asleep')}  last seen ${since(probed_at, now)} ago${ollama}`
}

/** `PAUSED   for 1h20m more, or until …`, and the progress of the unload. Empty if foreman is not paused. */
export function pauseLines({ paused, pause }: StatusDocument, width: number, now: number): string[] {
  if (!paused) return []
  const { until: end, unload } = pause
  const span = end === null ? '' : `for ${until(end, now)} more, or `
  const left = unload === null || unload.still_loaded.length === 0 ? '' : `, ${unload.still_loaded.length} still loaded`
  const done = unload?.state === 'done' ? 'models unloaded' : `unload ${unload?.state.replace('_', ' ')}${left}`
  const text = `PAUSED   ${span}until \`foreman resume\`${unload === null ? '' : `; ${done}`}`
  return [styled('yellow', cut(text, width))]
}

/** What `foreman top` knows about the answer of the running job. */
export interface SeenAnswer {
  readonly records: number
  /** Null while unknown. */
  readonly perSecond: number | null
  readonly label: string | null
}

export function runningLines({ running }: StatusDocument, width: number, answer: SeenAnswer | null = null): string[] {
  if (running === null) return [titled('RUNNING', 'nothing')]
  const { job_id, model, endpoint, state, attempt, caller, running_ms, silent_ms } = running
  const progress = `${printable(state)} for ${age(running_ms)}${attempt > 1 ? `, attempt ${attempt}` : ''}`
  const speed = answer?.perSecond == null ? '' : `, ${answer.perSecond.toFixed(1)} a second`
  const amount =
    answer !== null && answer.records > 1
      ? `${answer.records} tokens${speed}, the last`
      : `${bytes(running.bytes)}, the last byte`
  const label = answer?.label == null ? '' : `, ${printable(answer.label)}`
  const who = caller === 'live' ? 'waiting call' : `async${label}`
  const room = width - TITLE_WIDTH
  return [
    titled('RUNNING', `${cut(printable(model), room - 2 - progress.length)}  ${styled('green', progress)}`),
    titled('', running.bytes === 0 ? 'no byte yet' : `${amount} ${age(silent_ms)} ago`),
    titled('', styled('dim', cut(`${printable(job_id)}  ${printable(endpoint)}, ${who}`, room))),
  ]
}

/** The number of waiting jobs. */
export function waitingLine({ queue }: StatusDocument): string {
  if (queue.waiting === 0) return titled('WAITING', 'nothing')
  const oldest = queue.oldest_wait_ms === null ? '' : `, the oldest for ${age(queue.oldest_wait_ms)}`
  return titled('WAITING', `${queue.waiting} job${queue.waiting === 1 ? '' : 's'} (${bytes(queue.bytes)})${oldest}`)
}

/** The table of the waiting jobs by model. */
export function waitingTable(
  { queue }: StatusDocument,
  width: number,
  now: number,
  rows = queue.by_model.length,
): string[] {
  return table(
    [
      { heading: 'MODEL', shrinks: true },
      { heading: 'JOBS', align: 'right' },
      { heading: 'OLDEST', align: 'right' },
      { heading: 'WAITS FOR', shrinks: true },
    ],
    queue.by_model
      .slice(0, rows)
      .map(({ model, waiting, oldest_wait_ms, waiting_for }) => [
        printable(model),
        String(waiting),
        age(oldest_wait_ms),
        waitingForText(waiting_for, now, true),
      ]),
    width,
  )
}

/** The drain clock, swaps and loads. Empty before the first swap. */
export function drainLines({ drain, counters }: StatusDocument, width: number, now: number): string[] {
  if (drain.swapped_at === null) return []
  const line = (title: string, text: string): string => titled(title, cut(text, width - TITLE_WIDTH))
  const turn =
    drain.turns_to === null || drain.turns_at === null
      ? ''
      : `, then ${printable(drain.turns_to)} in ${until(drain.turns_at, now)} at most`
  const limit = drain.limit_ms === 0 ? '' : ` of ${formatDuration(drain.limit_ms)}`
  const { predicted, happened, unforeseen } = counters.loads
  const loads = `${predicted} predicted, ${happened} happened${unforeseen === 0 ? '' : `, ${unforeseen} not predicted`}`
  const swaps = `${counters.swaps} made, ${counters.swaps_saved} saved, the last ${since(drain.swapped_at, now)} ago`
  return [
    ...(drain.affinity === null
      ? []
      : [line('DRAINS', `${printable(drain.affinity)} for ${age(drain.drained_ms)}${limit}${turn}`)]),
    line('SWAPS', swaps),
    ...(predicted + happened === 0 ? [] : [line('LOADS', loads)]),
  ]
}
