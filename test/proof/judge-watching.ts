// Owns what is promised to those who look on: every change and record once and in order, over all their connections, and the
// same whenever it is read. Pure; each function says what it found wrong, with what shows it.

import { isDeepStrictEqual } from 'node:util'
import { isFinal } from '../../src/daemon/domain/job.ts'
import type { Heard, JudgeCase, Watch } from './history.ts'
import { type Changed, changesIn } from './judge-ends.ts'

export const watchers: JudgeCase = ({ final: { job, events }, watches }) =>
  events === null ? [] : watches.flatMap((watch) => breachesOf(watch, events, job.state === 'done'))

function breachesOf({ parts }: Watch, events: readonly Heard[], isDone: boolean): string[] {
  const heard = parts.flatMap((part) => part.events)
  const falling = heard.find(({ number }, at) => number <= (heard[at - 1]?.number ?? 0))
  if (falling !== undefined) return [`event ${falling.number} came a second time, or too late`]
  const old = parts.find(({ after, events: [first] }) => first !== undefined && first.number <= after)
  if (old !== undefined) return [`asked for what is behind ${old.after}, he got ${old.events[0]?.number}`]
  const last = heard.at(-1)
  const isOver = parts.at(-1)?.ending === 'whole'
  const hasEnd = last?.type === 'state' && isFinal(last.state)
  if (isOver && !hasEnd) return [`his stream ended cleanly behind event ${last?.number ?? 'none'}, which is no end`]
  // As far as he has come; what was voided on the way is another matter than what stands.
  const upTo = last?.number ?? 0
  const changes = changesIn(events).filter(({ number }) => number <= upTo)
  const told = changesIn(heard).filter((change) => !isLeftOut(change, changesIn(events)))
  if (!isDeepStrictEqual(told, changes)) {
    return [`he heard the changes ${listed(told)}; the history has ${listed(changes)}`]
  }
  const records = queuePosition(heard)
  const all = queuePosition(events.filter(({ number }) => number <= upTo))
  // Before the end, what he has may be voided yet; and the half of an answer does not outlive a kill.
  if (!hasEnd || isDeepStrictEqual(records, all) || (!isDone && all.length === 0)) return []
  return [`he heard ${records.length} records; the history has ${all.length}: ${firstDifference(records, all)}`]
}

/** `working` is told with the first byte, before it is written: a kill in between leaves its number out of the history. */
function isLeftOut({ number, state }: Changed, changes: readonly Changed[]): boolean {
  const before = changes.findLast((change) => change.number < number)
  const next = changes.find((change) => change.number >= number)
  return state === 'working' && before?.state === 'loading' && next?.previous === 'loading' && next.number > number
}

const listed = (changes: readonly Heard[]): string =>
  changes
    .map((change) => (change.type === 'state' ? `${change.number} ${change.state}/${change.attempt}` : ''))
    .join(', ')

/** The records that `queued` has not voided. */
const queuePosition = (events: readonly Heard[]): Heard[] => {
  const voided = events.findLastIndex((event) => event.type === 'state' && event.state === 'queued')
  return events.slice(voided + 1).filter(({ type }) => type === 'record')
}

function firstDifference(one: readonly Heard[], other: readonly Heard[]): string {
  const at = one.findIndex((event, place) => !isDeepStrictEqual(event, other[place]))
  const place = at === -1 ? one.length : at
  return `${JSON.stringify(one[place] ?? null)} where there is ${JSON.stringify(other[place] ?? null)}`
}

export const records: JudgeCase = ({ final: { job, events, response } }) => {
  if (events === null || job.state !== 'done') return []
  const cut = queuePosition(events).map((event) => (event.type === 'record' ? event.data : ''))
  const lines = (response ?? '')
    .split('\n')
    .map((line) => line.replace(/^data: ?/, '').trim())
    .filter((line) => line !== '')
  if (isDeepStrictEqual(cut, lines)) return []
  return [`${cut.length} records, and an answer of ${lines.length} lines`]
}

export const sameHistory: JudgeCase = ({ final: { events, eventsAgain } }) =>
  isDeepStrictEqual(events, eventsAgain)
    ? []
    : [`${events?.length} events the first time, ${eventsAgain?.length} the second`]
