// examples/curl.sh, run by a shell: what each of its blocks prints.

import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/daemon/runtime/clock.ts'
import type { JobDocument, JobListDocument, ReceiptDocument } from '../../src/protocol/wire.ts'
import { read } from '../caller.ts'
import { type Ended, run } from '../cli/command-line.ts'
import { FakeOllama, says } from '../fake-ollama.ts'
import { startForeman } from '../harness.ts'
import { installedExamples } from './installed.ts'

const curl = async (env: Readonly<Record<string, string>>, ...args: string[]): Promise<Ended> =>
  run(['curl.sh', ...args], { executable: 'sh', cwd: await installedExamples(), env })

/** The text under each `# heading`, by the heading's first words. */
function blocksOf(text: string): (start: string) => string {
  const blocks = text.split(/^# /m).slice(1)
  return (start) => {
    const block = blocks.find((it) => it.startsWith(start))
    if (block === undefined) throw new Error(`no block "${start}" in:\n${text}`)
    return block.slice(block.indexOf('\n') + 1).trim()
  }
}

describe('curl.sh', () => {
  it('submits, watches, reads, submits twice, cancels and deletes', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { clock: systemClock })
    fake.on('/api/chat', says('Because', ' of', ' Rayleigh.'), { ...says('one', 'two'), gate: 'million' })
    fake.hold('million')
    const { code, stdout, stderr } = await curl({ FOREMAN_URL: url }, 'tiny-a')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const block = blocksOf(stdout)
    const json = <T>(start: string): T => JSON.parse(block(start)) as T

    const { job_id: id } = json<ReceiptDocument>('submit a job')
    expect(json<JobDocument>('look at it')).toMatchObject({ job_id: id, label: 'curl.sh' })
    const events = block('watch it')
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; state?: string })
    expect(events.flatMap(({ state }) => state ?? []).at(0)).toBe('queued')
    expect(events.filter(({ type }) => type === 'record')).toHaveLength(4)
    expect(events.at(-1)).toMatchObject({ state: 'done' })
    expect(JSON.parse(block('come back later'))).toEqual(events.at(-1))
    expect(json('its answer')).toMatchObject({
      state: 'done',
      usage: { completion_tokens: 3 },
      result: { message: { content: 'Because of Rayleigh.' } },
    })
    expect(block('only its text')).toBe('Because of Rayleigh.')
    expect(block('the first five')).toBe('Becau')
    expect(block('the answer of the model')).toBe('304')

    const [twice = '', same = ''] = block('the same Idempotency-Key').split('\n')
    const again = JSON.parse(twice) as JobDocument
    expect(again).toMatchObject({ state: 'done', endpoint: '/api/generate' })
    expect(same).toBe(`same job: ${again.job_id}`)

    const [stopped = '', cancelled = ''] = block('cancel a job').split('\n')
    expect(JSON.parse(stopped)).toMatchObject({ job_id: expect.any(String) })
    expect(JSON.parse(cancelled)).toMatchObject({ state: 'cancelled', error: { code: 'cancelled' } })
    expect(json<JobListDocument>('find jobs').jobs).toMatchObject([{ job_id: id }])
    expect(block('delete them').split('\n')).toEqual(['204', '204', '204'])
    expect((await read<JobListDocument>(url, '/jobs')).jobs).toEqual([])
  })

  it("sends foreman's token, and says so if it is missing", async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { clock: systemClock, config: { token: 'let me in' } })
    expect(await curl({ FOREMAN_URL: url, FOREMAN_TOKEN: 'let me in' }, 'tiny-a')).toMatchObject({
      code: 0,
      stderr: '',
    })
    const refused = await curl({ FOREMAN_URL: url }, 'tiny-a')
    expect(refused.code).not.toBe(0)
    expect(refused.stderr).toContain('401')
  })

  it("exits at the first error with foreman's message", async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { clock: systemClock })
    const { code, stdout, stderr } = await curl({ FOREMAN_URL: url }, 'tiny-x')
    expect(code).not.toBe(0)
    expect(stderr).toContain("model 'tiny-x' not found")
    expect(stdout).not.toContain('look at it')
  })
})
