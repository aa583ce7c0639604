// Random faults of target and callers, from a seed: no two jobs run at the same time, no caller takes a truncated answer
// as whole, every job ends exactly once, and no state is left behind.

import { describe, expect, it } from 'vitest'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { type Answer, type Caller, chat, read } from '../caller.ts'
import {
  breaksWith,
  busy,
  cut,
  FakeOllama,
  fails,
  hangsUp,
  page,
  type Script,
  says,
  sliced,
  unmarked,
} from '../fake-ollama.ts'
import { passTime, startForeman } from '../harness.ts'

/** Random numbers (mulberry32), so that a seed repeats the whole run. */
function chance(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const GREETING = ['Grüße', ' 🦙', ' "quoted\n"', '!']
const SAID = ['Hello world!', GREETING.join('')]

const TROUBLES: readonly Script[] = [
  {},
  {},
  {},
  {},
  sliced(3),
  says(...GREETING),
  hangsUp(),
  hangsUp('rst'),
  cut('fin', 0),
  cut('fin', 1),
  cut('fin', 2, true),
  unmarked(),
  unmarked(0),
  breaksWith('an error was encountered while running the model: unexpected EOF'),
  fails(500, 'model runner has unexpectedly stopped'),
  busy(),
  page(502),
]

const MODELS = ['tiny-a', 'tiny-b', 'tiny-c']

/** The result of a caller: the whole answer, an error, or nothing if the caller hung up. */
function verdict({ status, body, cut: isCut }: Answer): 'whole' | 'error' | 'LIE' {
  if (status !== 200) return JSON.parse(body).error === undefined ? 'LIE' : 'error'
  if (isCut) return 'error'
  const records = body
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { done?: boolean; message?: { content: string } })
  const text = records.map(({ message }) => message?.content ?? '').join('')
  return records.at(-1)?.done === true && SAID.includes(text) ? 'whole' : 'LIE'
}

/** The other four run with `npm run test:proof`. */
const SEEDS = process.env['FOREMAN_TEST_ALL_SEEDS'] === '1' ? [1, 2, 3, 4, 5, 6] : [1, 2]

describe('with random faults', () => {
  it.each(SEEDS)('(seed %i) every caller gets a true answer and every job ends once', async (seed) => {
    const random = chance(seed)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
    await using fake = await FakeOllama.start({ slots: 1 })
    const running = await startForeman(fake, { random })
    fake.on('/api/chat', ...Array.from({ length: 120 }, () => pick(TROUBLES)))

    const told: ('whole' | 'error' | 'LIE' | 'left')[] = []
    const callers: Caller[] = []
    for (let n = 0; n < 40; n++) {
      const caller = chat(running.url, pick(MODELS), { n, stream: random() < 0.7 })
      callers.push(caller)
      const answered = caller.answer().then(verdict, () => 'left' as const)
      void answered.then((word) => told.push(word))
      if (random() < 0.15) caller.sent().then(() => caller.hangUp(random() < 0.5 ? 'fin' : 'rst'))
      if (random() < 0.2) await passTime(running, fake, Math.floor(random() * 3_000))
    }
    for (let turn = 0; told.length < callers.length && turn < 400; turn++) await passTime(running, fake, 2_000)
    await passTime(running, fake, 15_000)

    expect(told).toHaveLength(40)
    expect(told).not.toContain('LIE')
    expect(told).toContain('whole')
    await fake.settled()
    expect(fake.overlaps).toEqual([])
    const { counters, queue, running: left } = await read<StatusDocument>(running.url, '/status')
    const { done = 0, failed = 0, cancelled = 0, ...unfinished } = counters.jobs
    expect(unfinished).toEqual({ queued: 0, loading: 0, working: 0 })
    expect([counters.callers, queue.waiting, queue.bytes, left]).toEqual([0, 0, 0, null])
    // A caller that hung up before its request was read has no job.
    const whole = told.filter((word) => word === 'whole').length
    expect(done).toBeGreaterThanOrEqual(whole)
    expect(done + failed + cancelled).toBeLessThanOrEqual(40)
    expect(failed + cancelled).toBeGreaterThanOrEqual(told.filter((word) => word === 'error').length)
    const attempts = new Map<string, number>()
    for (const request of fake.workers)
      attempts.set(request.header('x-foreman-job-id') ?? '', Number(request.header('x-foreman-attempt')))
    expect(Math.max(...attempts.values())).toBeLessThanOrEqual(3)
    expect(running.logged.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([])
  })
})
