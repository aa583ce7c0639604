// The log at level info: jobs and refused callers, one line for each event.

import { prettyFactory } from 'pino-pretty'
import { expect, it } from 'vitest'
import { createLog, PRETTY } from '../../src/daemon/runtime/log.ts'
import { get } from '../caller.ts'
import { FakeOllama, fails } from '../fake-ollama.ts'
import { startForeman, until } from '../harness.ts'

const chat = (url: string, model: string): Promise<unknown> =>
  fetch(`${url}/api/chat`, {
    method: 'POST',
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'a secret prompt' }], stream: false }),
  }).then((answer) => answer.text())

it('a job is logged in one line when it is sent and one when it ends, and a swap is logged', async () => {
  const fake = await FakeOllama.start()
  const { url, logged } = await startForeman(fake, { config: { logLevel: 'info' } })
  await chat(url, 'tiny-a')
  await chat(url, 'tiny-a')
  await chat(url, 'tiny-b')
  const ends = (): unknown[] => logged.filter(({ msg }) => msg === 'job done')
  await until('the last end is logged', () => ends().length === 3)
  const sent = logged.filter(({ msg }) => String(msg).startsWith('job sent'))
  expect(sent).toMatchObject([
    { level: 'info', model: 'tiny-a', affinity: 'tiny-a:latest', caller: 'live', attempt: 1 },
    { swapped: false, msg: 'job sent' },
    { swapped: true, model: 'tiny-b', msg: 'job sent, after a swap of models' },
  ])
  expect(JSON.stringify(logged)).not.toContain('secret prompt')
})

it('a failure is one log line with what failed and why', async () => {
  const fake = await FakeOllama.start()
  fake.on('/api/chat', fails(500, 'CUDA error: out of memory, in a secret prompt'))
  const { url, logged } = await startForeman(fake, { config: { logLevel: 'info', maxAttempts: 1 } })
  await chat(url, 'tiny-a')
  const warned = await until('the failure is logged', () => {
    const lines = logged.filter(({ job, msg }) => job !== undefined && !String(msg).startsWith('job sent'))
    return lines.length > 0 && lines
  })
  expect(warned).toMatchObject([
    { level: 'warn', model: 'tiny-a', state: 'failed', msg: expect.stringMatching(/^job failed: target_error/) },
  ])
})

it('refused callers are logged with their address, once a minute for each status', async () => {
  const fake = await FakeOllama.start()
  const { url, logged, clock } = await startForeman(fake, { config: { token: 't0k3n' } })
  const refused = (): unknown[] => logged.filter(({ msg }) => msg === 'request refused')
  const management = (): Promise<unknown> =>
    fetch(`${url}/api/pull`, { method: 'POST', headers: { Authorization: 'Bearer t0k3n' }, body: '{}' })
  for (let n = 0; n < 3; n++) {
    await get(url, '/jobs?label=mine')
    await management()
  }
  expect(refused()).toMatchObject([
    { level: 'info', status: 401, code: 'unauthorized', peer: '127.0.0.1', route: '/jobs' },
    { level: 'info', status: 403, code: 'management_disabled', peer: '127.0.0.1', route: '/api/pull' },
  ])
  clock.advance(60_000)
  await get(url, '/jobs')
  expect(refused()).toHaveLength(3)
  expect(JSON.stringify(logged)).not.toContain('t0k3n')
})

it('the pretty format is one line per event, also for an error with its stack', () => {
  const show = prettyFactory({ ...PRETTY, colorize: false })
  const lines: string[] = []
  const log = createLog({ logLevel: 'info' }, { write: (line) => void lines.push(show(JSON.parse(line))) })
  log.error({ err: new Error('first\nsecond'), route: '/x' }, 'it failed')
  expect(lines.join('').trimEnd().split('\n')).toEqual([expect.stringContaining('it failed')])
  expect(lines.join('')).toContain('first')
})
