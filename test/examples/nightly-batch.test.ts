// examples/nightly-batch.ts, killed at every step, and with foreman killed during it: each of the hundred prompts becomes
// one job and one result. Checked by the results, foreman's list of jobs, and the requests that the target recorded.

import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { JobListDocument, JobSummary } from '../../src/protocol/wire.ts'
import { read } from '../caller.ts'
import { Command, type Ended } from '../cli/command-line.ts'
import { FakeOllama, fails } from '../fake-ollama.ts'
import { until } from '../ollama/foreman.ts'
import { type FrontDoor, startFrontDoor } from './front-door.ts'
import { installedExamples } from './installed.ts'
import { startMortalForeman } from './mortal-foreman.ts'

interface Result {
  readonly line: number
  readonly model: string
  readonly prompt: string
  readonly job_id: string
  readonly answer: string | null
  readonly error: { readonly code: string } | null
}

const MODELS = ['tiny-a', 'tiny-b']
const RESULTS = 'results.ndjson'
const TURN = 'turn'

let folder: string
let fake: FakeOllama
let prompts: readonly string[]

beforeEach(async () => {
  folder = await installedExamples()
  fake = await FakeOllama.start({ slots: 1 })
  // The target answers when the test says so, one prompt each time, or at once.
  fake.always('/api/chat', { gate: TURN })
  const started = fake
  onTestFinished(() => started.stop())
  prompts = readFileSync(join(folder, 'nightly-batch.prompts.txt'), 'utf8').trimEnd().split('\n')
})

const batch = (url: string, results = RESULTS): Command =>
  new Command(['nightly-batch.prompts.txt', results, ...MODELS], {
    program: join(folder, 'nightly-batch.ts'),
    cwd: folder,
    env: { FOREMAN_URL: url },
  })

/** Lets the target answer this many requests. */
async function answer(count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    await fake.waiting(TURN)
    fake.step(TURN)
  }
}

/** Kills it as an out-of-memory killer would, and waits until it is gone. */
async function kill(command: Command): Promise<void> {
  command.process.kill('SIGKILL')
  expect((await command.ended).signal).toBe('SIGKILL')
}

function written(): string {
  try {
    return readFileSync(join(folder, RESULTS), 'utf8')
  } catch {
    return ''
  }
}
const results = (): Result[] =>
  written()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Result)
const resultsAre = (count: number): Promise<unknown> =>
  until(
    `there are ${count} results`,
    async () => written().split('\n').length - 1,
    (there) => there >= count,
  )

async function jobsOf(url: string): Promise<JobSummary[]> {
  const { jobs, next } = await read<JobListDocument>(url, '/jobs?limit=200')
  expect(next).toBeNull()
  return jobs
}

const allHandedIn = (url: string): Promise<unknown> =>
  until(
    'all are handed in',
    async () => (await jobsOf(url)).length,
    (jobs) => jobs === 100,
  )

const somebodyIsRefused = (door: FrontDoor, before: number): Promise<unknown> =>
  until(
    'somebody finds no foreman',
    async () => door.refused,
    (refused) => refused > before,
  )

/** The prompts that the target got, in the order of arrival. */
const asked = (): { model: string; prompt: string }[] =>
  fake.workers.map(({ json }) => {
    const { model, messages } = json as { model: string; messages: readonly { content: string }[] }
    return { model, prompt: messages[0]?.content ?? '' }
  })

/** Expects all hundred, each once, everywhere. `again`: number of prompts that may have been sent twice, after a cut. */
async function everythingOnce(url: string, again = 0): Promise<void> {
  expect(prompts).toHaveLength(100)
  const expected = prompts.map((prompt, index) => ({ line: index + 1, prompt, model: MODELS[index % 2] }))
  const found = results()
    .map(({ line, prompt, model }) => ({ line, prompt, model }))
    .sort((one, other) => one.line - other.line)
  expect(found).toEqual(expected)
  const jobs = await jobsOf(url)
  expect(jobs.map(({ job_id }) => job_id).sort()).toEqual(
    results()
      .map(({ job_id }) => job_id)
      .sort(),
  )
  const seen = asked()
  expect(new Set(seen.map(({ model, prompt }) => `${model} ${prompt}`)).size).toBe(100)
  expect(seen.length).toBeGreaterThanOrEqual(100)
  expect(seen.length).toBeLessThanOrEqual(100 + again)
  await fake.settled()
  expect(fake.overlaps).toEqual([])
}

const ended = async (command: Command): Promise<Ended> => {
  const it = await command.ended
  expect(it).toMatchObject({ code: 0, stderr: expect.stringContaining('100 results in results.ndjson, 0 of them') })
  return it
}

// Up to a dozen programs are started one after the other.
describe('a hundred prompts over two models', { timeout: 180_000 }, () => {
  it('need two loads, and a second run finds nothing to do', async () => {
    const foreman = await startMortalForeman(fake)
    fake.hold(TURN)
    const command = batch(foreman.url)
    // The result must not depend on a small model or a busy foreman.
    await allHandedIn(foreman.url)
    fake.release(TURN)
    await ended(command)
    await everythingOnce(foreman.url)
    expect(fake.loads).toBe(2)
    expect(results().every(({ answer, error }) => answer === 'Hello world!' && error === null)).toBe(true)
    const before = written()
    expect((await ended(batch(foreman.url))).stderr).toContain('100 had a result, 0 were submitted before')
    expect(written()).toBe(before)
    await everythingOnce(foreman.url)
  })

  it('are run again on another night, with separate results', async () => {
    const foreman = await startMortalForeman(fake)
    await ended(batch(foreman.url))
    const { code } = await batch(foreman.url, 'other.ndjson').ended
    expect(code).toBe(0)
    expect(fake.workers).toHaveLength(200)
  })

  it.each([1, 100])('are complete after a kill once job %i was accepted, before the receipt arrived', async (count) => {
    const foreman = await startMortalForeman(fake)
    fake.hold(TURN)
    const door = await startFrontDoor(foreman.url)
    const first = batch(door.url)
    // Accepted and on disk, but the answer never arrives.
    await door.taken(count, () => first.process.kill('SIGKILL'))
    expect((await first.ended).signal).toBe('SIGKILL')
    expect(await jobsOf(foreman.url)).toHaveLength(count)
    expect(written()).toBe('')
    fake.release(TURN)
    const { stderr } = await ended(batch(foreman.url))
    expect(stderr).toContain(`0 had a result, ${count} were submitted before`)
    await everythingOnce(foreman.url)
  })

  it.each([50, 99])('are complete after a kill with %i results', async (count) => {
    const foreman = await startMortalForeman(fake)
    fake.hold(TURN)
    const first = batch(foreman.url)
    await allHandedIn(foreman.url)
    await answer(count)
    await resultsAre(count)
    await kill(first)
    expect(results()).toHaveLength(count)
    fake.release(TURN)
    const { stderr } = await ended(batch(foreman.url))
    expect(stderr).toContain(`${count} had a result, ${100 - count} were submitted before`)
    await everythingOnce(foreman.url)
  })

  it('are complete after a kill within a line, before the first job ended', async () => {
    const foreman = await startMortalForeman(fake)
    await ended(batch(foreman.url))
    const whole = written()
    const lines = whole.trimEnd().split('\n')
    // As much of each line as a kill, or a full disk, may leave.
    for (const size of [1, whole.length - 1, Buffer.byteLength(lines.slice(0, 40).join('\n')) + 30]) {
      writeFileSync(join(folder, RESULTS), whole)
      truncateSync(join(folder, RESULTS), size)
      await ended(batch(foreman.url))
      await everythingOnce(foreman.url)
    }
    appendFileSync(join(folder, RESULTS), '{"line":7,"mod')
    await ended(batch(foreman.url))
    await everythingOnce(foreman.url)
  })

  it('are complete after ten kills at random times', async () => {
    const foreman = await startMortalForeman(fake)
    fake.hold(TURN)
    for (let life = 1; life <= 10; life++) {
      const command = batch(foreman.url)
      await resultsAre(10 * (life - 1))
      // Ten answers more in each life; at which line the kill finds it is a matter of chance.
      await answer(10)
      if (life % 2 === 0) await resultsAre(10 * (life - 1) + 5)
      await kill(command)
    }
    fake.release(TURN)
    await ended(batch(foreman.url))
    await everythingOnce(foreman.url)
  })

  it('are complete if foreman is killed while they are submitted and while they run', async () => {
    const foreman = await startMortalForeman(fake)
    fake.hold(TURN)
    const door = await startFrontDoor(foreman.url)
    const command = batch(door.url)
    await door.taken(30, () => foreman.kill())
    await somebodyIsRefused(door, 0)
    await foreman.start()
    await allHandedIn(foreman.url)
    await answer(20)
    await resultsAre(19)
    await fake.waiting(TURN)
    const { refused } = door
    await foreman.kill()
    fake.release(TURN)
    await somebodyIsRefused(door, refused)
    await foreman.start()
    await ended(command)
    // Of each life one prompt was at the target.
    await everythingOnce(foreman.url, 2)
  })

  it('end once each if both are killed', async () => {
    const foreman = await startMortalForeman(fake)
    fake.hold(TURN)
    const first = batch(foreman.url)
    await allHandedIn(foreman.url)
    await answer(30)
    await fake.waiting(TURN)
    await foreman.kill()
    await kill(first)
    fake.release(TURN)
    await foreman.start()
    await ended(batch(foreman.url))
    await everythingOnce(foreman.url, 1)
  })

  it('have a result with the error of a failed one, and the run fails', async () => {
    const foreman = await startMortalForeman(fake)
    fake.on('/api/chat', fails(500, 'no such luck'))
    for (let run = 0; run < 2; run++) {
      const { code, stderr } = await batch(foreman.url).ended
      expect({ code, told: stderr.split('\n').at(-2) }).toEqual({
        code: 1,
        told: '100 results in results.ndjson, 1 of them failures',
      })
    }
    await everythingOnce(foreman.url)
    expect(results().filter(({ answer }) => answer === null)).toMatchObject([{ error: { code: 'target_error' } }])
  })

  it('that foreman refuses are reported, and nothing is written', async () => {
    const foreman = await startMortalForeman(fake)
    const command = new Command(['nightly-batch.prompts.txt', RESULTS, 'tiny-x'], {
      program: join(folder, 'nightly-batch.ts'),
      cwd: folder,
      env: { FOREMAN_URL: foreman.url },
    })
    expect(await command.ended).toMatchObject({ code: 1, stderr: expect.stringContaining("model 'tiny-x' not found") })
    expect(written()).toBe('')
  })
})
