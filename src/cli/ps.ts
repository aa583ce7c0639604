// `foreman ps`: GET /status for a terminal of 80 columns. Pure, except for the command itself.

import type { Command } from 'commander'
import { formatDuration } from '../daemon/text/grammar.ts'
import type { StatusDocument } from '../protocol/wire.ts'
import { type ConnectionFlags, connect, withConnection } from './connection.ts'
import { cut } from './display-width.ts'
import { waitingForText } from './job-words.ts'
import { age, bytes, type Column, jsonText, type Painter, printable, styled, table, terminalWidth } from './terminal.ts'

export function addPs(program: Command): void {
  withConnection(program.command('ps'))
    .summary('show Ollama, the queue and the running job')
    .addHelpText(
      'before',
      'Shows Ollama (the target), the queue and the running job.\n\nExamples:\n  foreman ps\n  watch foreman ps\n  foreman ps --json | jq .queue.waiting\n',
    )
    .action(async (flags: ConnectionFlags) => {
      const status = await connect(flags).status()
      const text = flags.json === true ? jsonText(status) : statusText(status, terminalWidth(), Date.now())
      process.stdout.write(`${text}\n`)
    })
}

/** Ollama reports an expiry in about two hundred years for a pinned model. */
const PINNED_AFTER_MS = 365 * 86_400_000

export function statusText(status: StatusDocument, width: number, now: number, style = styled): string {
  const lines = [...targetLines(status, width, now, style), '', ...runningLines(status, width, style)]
  lines.push('', ...queueLines(status, width, now, style), ...drainLines(status, width, now, style))
  return lines.join('\n')
}

/** The target and its resident models, foreman's phase and its pause. */
export function targetLines(
  { target, paused, pause, phase }: StatusDocument,
  width: number,
  now: number,
  style: Painter,
): string[] {
  const lines = [`${style('bold', 'TARGET')}   ${cut(printable(target.url), width - 9)}`]
  const version = target.version === null ? '' : `Ollama ${printable(target.version)}`
  if (target.reachable === null) lines.push('         not probed yet')
  else if (target.reachable) lines.push(`         ${style('green', 'awake')}  ${version}`.trimEnd())
  else {
    const state = target.probed_at === null ? 'not reachable' : 'asleep'
    const seen =
      target.probed_at === null
        ? '(never seen since foreman started)'
        : `last seen ${age(now - Date.parse(target.probed_at))} ago`
    lines.push(`         ${style('yellow', state)}  ${[seen, version].filter((part) => part !== '').join('  ')}`)
    if (target.reason !== null) lines.push(`         ${cut(printable(target.reason), width - 9)}`)
  }
  for (const { model, size, size_vram, expires_at } of target.resident) {
    const left = Date.parse(expires_at) - now
    const until = left > PINNED_AFTER_MS ? 'pinned' : left > 0 ? `for ${age(left)}` : 'expired'
    const about = `${bytes(Math.max(size ?? 0, size_vram))}, ${Number.isNaN(left) ? '?' : until}`
    lines.push(`         ${cut(printable(model), width - 11 - about.length)}  ${style('dim', about)}`)
  }
  if (target.resident.length === 0 && target.reachable === true) lines.push(style('dim', '         no model in memory'))
  if (target.slots_too_few) {
    lines.push(
      style('yellow', '         cannot hold embedder and chat model at once: set OLLAMA_MAX_LOADED_MODELS=2 there'),
    )
  }
  if (phase !== 'ready') lines.push('', style('yellow', `foreman is ${printable(phase)}`))
  if (paused) lines.push('', style('yellow', cut(pausedText(pause, now), width)))
  return lines
}

/** `PAUSED   for 1h20m more, or until …`, and the progress of the unload. */
function pausedText({ until, unload }: StatusDocument['pause'], now: number): string {
  const end = until === null ? '' : `for ${age(Date.parse(until) - now)} more, or `
  const left = unload === null || unload.still_loaded.length === 0 ? '' : `, ${unload.still_loaded.length} still loaded`
  const what =
    unload === null
      ? ''
      : unload.state === 'done'
        ? '; models unloaded'
        : `; unload ${unload.state}${left}`.replace('_', ' ')
  return `PAUSED   ${end}until \`foreman resume\`${what}`
}

function runningLines({ running }: StatusDocument, width: number, style: Painter): string[] {
  if (running === null) return [`${style('bold', 'RUNNING')}  nothing`]
  const { job_id, model, endpoint, state, attempt, caller, running_ms, silent_ms } = running
  const attempts = attempt > 1 ? `, attempt ${attempt}` : ''
  const progress = `${printable(state)} for ${age(running_ms)}${attempts}`
  const answer = running.bytes === 0 ? 'no byte yet' : `${bytes(running.bytes)}, the last byte ${age(silent_ms)} ago`
  const who = caller === 'live' ? 'waiting call' : 'async'
  return [
    `${style('bold', 'RUNNING')}  ${cut(printable(model), width - 11 - progress.length)}  ${style('green', progress)}`,
    `         ${answer}`,
    `         ${style('dim', cut(`${printable(job_id)}  ${printable(endpoint)}, ${who}`, width - 9))}`,
  ]
}

/** The drain clock, swaps and loads. Empty before the first swap. */
export function drainLines({ drain, counters }: StatusDocument, width: number, now: number, style: Painter): string[] {
  if (drain.swapped_at === null) return []
  const ago = age(Math.max(0, now - Date.parse(drain.swapped_at)))
  const turn =
    drain.turns_to === null || drain.turns_at === null
      ? ''
      : `, then ${printable(drain.turns_to)} in ${age(Math.max(0, Date.parse(drain.turns_at) - now))} at most`
  const limit = drain.limit_ms === 0 ? '' : ` of ${formatDuration(drain.limit_ms)}`
  const drained =
    drain.affinity === null ? '' : `${printable(drain.affinity)} for ${age(drain.drained_ms)}${limit}${turn}`
  const { predicted, happened, unforeseen } = counters.loads
  const loads = `${predicted} predicted, ${happened} happened${unforeseen === 0 ? '' : `, ${unforeseen} not predicted`}`
  const swaps = `${counters.swaps} made, ${counters.swaps_saved} saved, the last ${ago} ago`
  return [
    ...(drained === '' ? [] : [`${style('bold', 'DRAINS')}   ${cut(drained, width - 9)}`]),
    `${style('bold', 'SWAPS')}    ${cut(swaps, width - 9)}`,
    ...(predicted + happened === 0 ? [] : [`${style('bold', 'LOADS')}    ${cut(loads, width - 9)}`]),
  ]
}

/** Columns of the waiting jobs by model. */
export const WAITING_COLUMNS = [
  { heading: 'MODEL', shrinks: true },
  { heading: 'JOBS', align: 'right' },
  { heading: 'OLDEST', align: 'right' },
  { heading: 'WAITS FOR', shrinks: true },
] as const satisfies readonly Column[]

export const waitingRows = ({ queue }: StatusDocument, now: number): string[][] =>
  queue.by_model.map(({ model, waiting, oldest_wait_ms, waiting_for }) => [
    printable(model),
    String(waiting),
    age(oldest_wait_ms),
    waitingForText(waiting_for, now, true),
  ])

function queueLines(status: StatusDocument, width: number, now: number, style: Painter): string[] {
  const { queue } = status
  if (queue.waiting === 0) return [`${style('bold', 'WAITING')}  nothing`]
  const oldest = queue.oldest_wait_ms === null ? '' : `, the oldest for ${age(queue.oldest_wait_ms)}`
  const jobs = queue.waiting === 1 ? '1 job' : `${queue.waiting} jobs`
  const [head, ...rows] = table(WAITING_COLUMNS, waitingRows(status, now), width)
  return [`${style('bold', 'WAITING')}  ${jobs} (${bytes(queue.bytes)})${oldest}`, style('dim', head ?? ''), ...rows]
}
