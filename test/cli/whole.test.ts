// The command line in front of the whole program: a real daemon on a real database, a real HTTP target.

import { describe, expect, it, onTestFinished } from 'vitest'
import { FakeOllama, says, stalls } from '../fake-ollama.ts'
import { type Running, startForeman } from '../harness.ts'
import { run } from './command-line.ts'
import { runHere } from './here.ts'
import { hasScript, onTerminal } from './terminal.ts'

async function world(): Promise<{ fake: FakeOllama; foreman: Running; env: Record<string, string> }> {
  const fake = await FakeOllama.start()
  onTestFinished(() => fake.stop())
  const foreman = await startForeman(fake)
  return { fake, foreman, env: { FOREMAN_URL: foreman.url } }
}

describe('the command line with a real daemon', () => {
  it('submits a job, shows it, prints it again, retries and deletes it', async () => {
    const { env } = await world()
    const { code, stdout: answer } = await run(['submit', 'tiny-a', 'hi', '--label', 'first'], { env })
    expect({ code, said: answer.length > 0 }).toEqual({ code: 0, said: true })
    const listed = await runHere(['jobs', '--label', 'first', '--json'], { env })
    const { job_id: id, state } = JSON.parse(listed.stdout) as { job_id: string; state: string }
    expect(state).toBe('done')
    expect((await runHere(['jobs', 'get', id], { env })).stdout).toContain('first')
    expect(await runHere(['jobs', 'artifact', id], { env })).toMatchObject({ code: 0, stdout: answer })
    expect(await runHere(['jobs', 'watch', id], { env })).toMatchObject({ code: 0, stdout: answer })
    const again = (await runHere(['jobs', 'retry', id], { env })).stdout.trim()
    expect(await runHere(['jobs', 'watch', again], { env })).toMatchObject({ code: 0, stdout: answer })
    expect(await runHere(['jobs', 'rm', id, again], { env })).toMatchObject({ code: 0 })
    expect(await runHere(['jobs', 'get', id], { env })).toMatchObject({ code: 1, stderr: `foreman: no job ${id}\n` })
  })

  it('detaches a job, shows it and cancels it', async () => {
    const { fake, env } = await world()
    await runHere(['pause'], { env })
    const detached = (await runHere(['submit', 'tiny-b', 'hi', '--detach'], { env })).stdout.trim()
    expect((await runHere(['top'], { env })).stdout).toContain(detached)
    expect((await runHere(['jobs'], { env })).stdout).toMatch(new RegExp(`${detached} +queued +tiny-b .* next`))
    expect((await runHere(['jobs', 'cancel', detached], { env })).stdout).toContain('cancelled')
    expect(await runHere(['jobs', 'watch', detached], { env })).toMatchObject({ code: 3 })
    expect(fake.log.filter(({ isWorker }) => isWorker)).toEqual([])
  })

  it("prints the daemon's error for an unknown model and an impossible option", async () => {
    const { env } = await world()
    expect(await runHere(['submit', 'tiny-aa', 'hi'], { env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Did you mean tiny-a?'),
    })
    const label = 'x'.repeat(201)
    expect(await runHere(['submit', 'tiny-a', 'hi', '--label', label], { env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('200 characters'),
    })
  })
})

describe.skipIf(!hasScript)('the command line on a terminal (needs `script` of util-linux)', () => {
  it('cancels a running job with Ctrl-C and c, and the target stops', async () => {
    const { fake, env } = await world()
    fake.hold('middle')
    const terminal = onTerminal(['submit', 'tiny-a', 'hi'], { env })
    const request = await fake.next('/api/chat')
    await terminal.said('working')
    terminal.press('\u0003')
    await terminal.said('[c]ancel')
    terminal.press('c')
    const { code, stdout } = await terminal.ended
    expect(code).toBe(130)
    expect(stdout).toContain('is cancelled')
    expect(await request.over).toBe('aborted')
  })

  it('counts the tokens of the running job in top', async () => {
    const { fake, env } = await world()
    fake.on('/api/chat', { ...says('a', 'b', 'c', 'd'), ...stalls(3) })
    await runHere(['submit', 'tiny-a', 'hi', '--detach', '--label', 'nightly'], { env })
    const top = onTerminal(['top', '--interval', '100ms'], { env })
    await top.said('3 tokens')
    await top.said('/api/chat, async, nightly')
    top.press('q')
    expect(await top.ended).toMatchObject({ code: 0 })
  })
})
