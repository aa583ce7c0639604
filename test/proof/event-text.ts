// Parser of a job's event stream (NDJSON). A record's data stays as the text that arrived.

import type { StateEvent } from '../../src/protocol/event.ts'
import type { SeenEvent } from './run-history.ts'

/** Parses the complete lines; an incomplete last line is ignored. */
export function parseEvents(text: string): SeenEvent[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map(parseEvent)
}

function parseEvent(line: string): SeenEvent {
  const event = JSON.parse(line) as StateEvent | { number: number; type: 'record'; data: unknown }
  if (event.type === 'state') {
    const { number, state, previous_state: previous, attempt, timestamp } = event
    return { type: 'state', number, state, previous, attempt, timestamp }
  }
  if (typeof event.data === 'string') return { type: 'record', number: event.number, data: event.data }
  const data = line.slice(line.indexOf('"data":') + '"data":'.length, -1)
  return { type: 'record', number: event.number, data }
}
