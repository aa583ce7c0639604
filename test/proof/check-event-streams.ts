// Checks of event streams: every change and record once and in order over all connections of a watcher, and the same at each reading.

import { isDeepStrictEqual } from 'node:util'
import { isFinal } from '../../src/daemon/domain/job.ts'
import { changesIn, type StateChange } from './check-ends.ts'
import type { JobCheck, SeenEvent, Watch } from './run-history.ts'

export const watchers: JobCheck = ({ final: { job, events }, watches }) =>
  events === null ? [] : watches.flatMap((watch) => breachesOf(watch, events, job.state === 'done'))

function breachesOf({ parts }: Watch, events: readonly SeenEvent[], isDone: boolean): string[] {
  const heard = parts.flatMap((part) => part.events)
  const falling = heard.find(({ number }, at) => number <= (heard[at - 1]?.number ?? 0))
  if (falling !== undefined) return [`event ${falling.number} came a second time, or too late`]
  const old = parts.find(({ after, events: [first] }) => first !== undefined && first.number <= after)
  if (old !== undefined) return [`asked for events after ${old.after}, the watcher got ${old.events[0]?.number}`]
  const last = heard.at(-1)
  const isOver = parts.at(-1)?.ending === 'whole'
  const hasEnd = last?.type === 'state' && isFinal(last.state)
  if (isOver && !hasEnd)
    return [`the stream of the watcher ended cleanly after event ${last?.number ?? 'none'}, which is not a final state`]
  // Only up to the last event that the watcher got.
  const upTo = last?.number ?? 0
  const changes = changesIn(events).filter(({ number }) => number <= upTo)
  const told = changesIn(heard).filter((change) => !isLeftOut(change, changesIn(events)))
  if (!isDeepStrictEqual(told, changes)) {
    return [`the watcher got the changes ${listed(told)}; the history has ${listed(changes)}`]
  }
  const records = validRecords(heard)
  const all = validRecords(events.filter(({ number }) => number <= upTo))
  // Before the end, records may still be voided. An unfinished answer does not survive a kill.
  if (!hasEnd || isDeepStrictEqual(records, all) || (!isDone && all.length === 0)) return []
  return [`the watcher got ${records.length} records; the history has ${all.length}: ${firstDifference(records, all)}`]
}

/** `working` is announced at the first byte, before it is saved. A kill in between leaves its number out of the history. */
function isLeftOut({ number, state }: StateChange, changes: readonly StateChange[]): boolean {
  const before = changes.findLast((change) => change.number < number)
  const next = changes.find((change) => change.number >= number)
  return state === 'working' && before?.state === 'loading' && next?.previous === 'loading' && next.number > number
}

const listed = (changes: readonly SeenEvent[]): string =>
  changes
    .map((change) => (change.type === 'state' ? `${change.number} ${change.state}/${change.attempt}` : ''))
    .join(', ')

/** Returns the records after the last return to `queued`, which voids earlier ones. */
const validRecords = (events: readonly SeenEvent[]): SeenEvent[] => {
  const voided = events.findLastIndex((event) => event.type === 'state' && event.state === 'queued')
  return events.slice(voided + 1).filter(({ type }) => type === 'record')
}

function firstDifference(one: readonly SeenEvent[], other: readonly SeenEvent[]): string {
  const at = one.findIndex((event, place) => !isDeepStrictEqual(event, other[place]))
  const place = at === -1 ? one.length : at
  return `${JSON.stringify(one[place] ?? null)} where there is ${JSON.stringify(other[place] ?? null)}`
}

export const records: JobCheck = ({ final: { job, events, response } }) => {
  if (events === null || job.state !== 'done') return []
  const cut = validRecords(events).map((event) => (event.type === 'record' ? event.data : ''))
  const lines = (response ?? '')
    .split('\n')
    .map((line) => line.replace(/^data: ?/, '').trim())
    .filter((line) => line !== '')
  if (isDeepStrictEqual(cut, lines)) return []
  return [`${cut.length} records, and an answer of ${lines.length} lines`]
}

export const sameHistory: JobCheck = ({ final: { events, eventsAgain } }) =>
  isDeepStrictEqual(events, eventsAgain)
    ? []
    : [`${events?.length} events the first time, ${eventsAgain?.length} the second`]
