// examples/submit-and-wait.ts: its output for an answer and for each kind of failure.

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/daemon/runtime/clock.ts'
import type { JobListDocument } from '../../src/protocol/wire.ts'
import { call, read } from '../caller.ts'
import { Command } from '../cli/command-line.ts'
import { cut, FakeOllama, fails, says } from '../fake-ollama.ts'
import { type Running, startForeman, until } from '../harness.ts'
import { installedExamples } from './installed.ts'

async function begin(foreman: Pick<Running, 'url'>, ...args: string[]): Promise<Command> {
  const cwd = await installedExamples()
  return new Command(args, { program: join(cwd, 'submit-and-wait.ts'), cwd, env: { FOREMAN_URL: foreman.url } })
}

const newest = async (url: string) => (await read<JobListDocument>(url, '/jobs')).jobs[0]

describe('submit-and-wait.ts', () => {
  it('writes the answer to standard output, and position, tokens and times to standard error', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake, { clock: systemClock })
    fake.on('/api/chat', says('Rayleigh', ' scattering.'))
    const { code, stdout, stderr } = await (await begin(foreman, 'tiny-a', 'Why is the sky blue?')).ended
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Rayleigh scattering.\n' })
    expect(stderr).toMatch(/^job [0-9A-Z]{26}, jobs ahead: 0\n2 tokens; waited \d+ ms, ran \d+ ms\n$/)
    expect(fake.workers.map(({ json }) => json['messages'])).toEqual([
      [{ role: 'user', content: 'Why is the sky blue?' }],
    ])
  })

  it('says that the text is void if the model server is lost, and writes the whole answer after it', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake, { clock: systemClock })
    fake.on('/api/chat', { ...cut('rst', 1), ...says('Lost', ' words') }, says('Found', ' words')).hold('cut')
    const command = await begin(foreman, 'tiny-a', 'hi')
    await command.said('Lost')
    fake.release('cut')
    const { code, stdout, stderr } = await command.ended
    expect(code).toBe(0)
    expect(stdout).toBe('LostFound words\n')
    expect(stderr).toContain('void')
  })

  it('leaves the job running on Ctrl-C', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake, { clock: systemClock })
    fake.hold('middle')
    const command = await begin(foreman, 'tiny-a', 'hi')
    await command.said('Hello')
    command.process.kill('SIGINT')
    const { code, stderr } = await command.ended
    expect(code).toBe(130)
    expect(stderr).toContain('continues')
    fake.release('middle')
    expect(await until('it is over', async () => ((await newest(foreman.url))?.finished_at ? 'over' : null))).toBe(
      'over',
    )
    expect(await newest(foreman.url)).toMatchObject({ state: 'done' })
  })

  it('prints why a job failed, or that it was cancelled', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake, { clock: systemClock })
    fake.on('/api/chat', fails(500, 'no such luck'))
    const failed = await (await begin(foreman, 'tiny-a', 'hi')).ended
    expect(failed).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('failed (target_error): ') })
    expect(failed.stderr).toContain('no such luck')
    fake.hold('middle')
    const command = await begin(foreman, 'tiny-a', 'hi')
    await command.said('Hello')
    await call(foreman.url, { path: `/jobs/${(await newest(foreman.url))?.job_id}/cancel` })
    const cancelled = await command.ended
    expect(cancelled).toMatchObject({ code: 1, stderr: expect.stringContaining('cancelled (cancelled): ') })
  })

  it('prints why foreman refused a job, and that no foreman answers', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake, { clock: systemClock })
    const unknown = await (await begin(foreman, 'tiny-x', 'hi')).ended
    expect(unknown.code).toBe(1)
    expect(unknown.stderr).toMatch(/^not accepted \(404 model_not_found\): .*tiny-x/)
    const usage = await (await begin(foreman)).ended
    expect(usage).toMatchObject({ code: 2, stderr: expect.stringContaining('usage') })
  })
})
