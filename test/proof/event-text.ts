// Owns how the text of a job's event stream (NDJSON) becomes what a watcher heard, a record's data as it stood there. Pure.

import type { StateEvent } from '../../src/protocol/event.ts'
import type { Heard } from './history.ts'

/** Whole lines; what is left over is the beginning of one that never came. */
export function heardIn(text: string): Heard[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map(heardOf)
}

function heardOf(line: string): Heard {
  const event = JSON.parse(line) as StateEvent | { number: number; type: 'record'; data: unknown }
  if (event.type === 'state') {
    const { number, state, previous_state: previous, attempt, timestamp } = event
    return { type: 'state', number, state, previous, attempt, timestamp }
  }
  if (typeof event.data === 'string') return { type: 'record', number: event.number, data: event.data }
  const data = line.slice(line.indexOf('"data":') + '"data":'.length, -1)
  return { type: 'record', number: event.number, data }
}
