// A job's past as events: the same ones wherever the answer stood when somebody came to look, and with the last record of
// an answer that has ended but is not written down yet.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRecordParser } from '../../../src/daemon/answer/records.ts'
import type { Job, State, StateChange } from '../../../src/daemon/domain/job.ts'
import { frameOfChange, frameOfRecord } from '../../../src/daemon/http/jobs/event-frame.ts'
import { historyOf, type PastAnswer } from '../../../src/daemon/http/jobs/event-history.ts'
import { eventNumber } from '../../../src/protocol/event.ts'
import { job as example } from '../../domain/job-example.ts'

const change = (number: number, state: State, previous: State | null = null): StateChange => ({
  ...{ number, state, previous, attempt: 1, at: 0 },
})
const CHANGES = [change(1, 'queued'), change(2, 'loading', 'queued'), change(3, 'working', 'loading')]
const DONE = [...CHANGES, change(4, 'done', 'working')]

const job = (over: Partial<Job> = {}): Job => example({ caller: 'none', ...over })

async function linesOf(changes: readonly StateChange[], answer: PastAnswer | null, after = 0, of = job()) {
  const events: string[] = []
  for await (const batch of historyOf(of, changes, answer, after)) events.push(...batch.map(({ json }) => json))
  return events
}

const answer = (text: string, records: number | null = null): PastAnswer => ({
  change: 3,
  chunks: [Buffer.from(text)],
  records,
})

describe('the event history of a job', () => {
  it('has its records after the change to working', async () => {
    const numbers = (await linesOf(DONE, answer('{"a":1}\n{"a":2}\n'))).map((json) => JSON.parse(json).number)
    expect(numbers).toEqual([1e8, 2e8, 3e8, 3e8 + 1, 3e8 + 2, 4e8])
  })

  it('has the last record of a finished answer, and not of a running one', async () => {
    const records = async (records: number | null) =>
      (await linesOf(CHANGES, answer('{"a":1}\n{"a":2', records))).slice(3)
    expect(await records(1)).toHaveLength(1)
    expect(await records(2)).toHaveLength(2)
    const document = async (records: number | null) =>
      (await linesOf(CHANGES, answer('{"a":1}', records), 0, job({ stream: false }))).slice(3)
    expect(await document(0)).toEqual([])
    expect(await document(1)).toEqual([`{"number":${eventNumber(3, 1)},"type":"record","data":{"a":1}}`])
    expect(await document(null)).toHaveLength(1)
  })

  it('is not parsed again for a watcher that has later events', async () => {
    const chunks = {
      [Symbol.asyncIterator]: () => {
        throw new Error('read for nothing')
      },
    }
    const past = { change: 3, chunks, records: null }
    expect(await linesOf(DONE, past, eventNumber(4))).toHaveLength(4)
    await expect(linesOf(DONE, past, eventNumber(3, 5))).rejects.toThrow('read for nothing')
  })

  it('continues with the live events in one stream, at any point where a watcher joins', async () => {
    const line = fc.oneof(fc.json(), fc.string({ unit: 'grapheme' })).map((text) => text.replace(/[\r\n]/g, '').trim())
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.nat(), fc.nat(), async (lines, cutAt, sliceAt) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''))
        const at = cutAt % (bytes.length + 1)
        const middle = sliceAt % (at + 1)
        const whole = await linesOf(CHANGES, { change: 3, chunks: [bytes], records: null })
        const live: string[] = []
        let count = 0
        let heard = 0
        const cutter = createRecordParser('/api/chat', true, (record) => {
          count += 1
          if (heard > 0) live.push(frameOfRecord(eventNumber(3, count), record).json)
        })
        cutter.push(bytes.subarray(0, at))
        const pieces = [bytes.subarray(0, middle), bytes.subarray(middle, at)]
        const past = await linesOf(CHANGES, { change: 3, chunks: pieces, records: count })
        heard = 1
        cutter.push(bytes.subarray(at))
        expect([...past, ...live]).toEqual(whole)
      }),
    )
  })
})

describe('an event', () => {
  it('is one line of JSON, whatever the record contains', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.option(fc.string()), (bytes, event) => {
        const { json } = frameOfRecord(5, { event, data: Buffer.from(bytes) })
        expect(json).not.toMatch(/[\r\n]/)
        const document = JSON.parse(json)
        expect(document).toMatchObject({ number: 5, type: 'record', ...(event === null ? {} : { event }) })
      }),
      { examples: [[Uint8Array.from([0x30, 0]), null]] },
    )
  })

  it('has the error of the job only if its state is final', () => {
    const error = { code: 'cancelled', message: 'no', status: null } as const
    expect(JSON.parse(frameOfChange(change(4, 'cancelled'), error).json).error).toEqual(error)
    expect(JSON.parse(frameOfChange(change(4, 'queued'), error).json)).not.toHaveProperty('error')
  })
})
