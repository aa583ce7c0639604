// The receivers of examples/, TypeScript and Python: what foreman tells them they say, each webhook once and in its order;
// what is not signed as it should be they refuse.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/daemon/runtime/clock.ts'
import { signWebhook } from '../../src/protocol/webhook.ts'
import type { JobDocument, ReceiptDocument } from '../../src/protocol/wire.ts'
import { call, read } from '../caller.ts'
import { Command } from '../cli/command-line.ts'
import { FakeOllama, fails, says } from '../fake-ollama.ts'
import { startForeman, until } from '../harness.ts'
import { installedExamples } from './installed.ts'

const SECRET = 'a secret of some length'
const KEY = new TextEncoder().encode(SECRET)
const PYTHON = 'python3'

const hasPython = spawnSync(PYTHON, ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).status === 0
if (!hasPython)
  process.stderr.write('\nSKIPPED, NOT PASSED: python3 is not on this machine; its receiver was not run.\n\n')

type Start = (port: readonly string[], secret?: string) => Promise<Command>

const typescript: Start = async (port, secret = SECRET) => {
  const cwd = await installedExamples()
  return new Command(port, {
    program: join(cwd, 'webhook-receiver.ts'),
    cwd,
    env: { FOREMAN_WEBHOOK_SECRET: secret },
  })
}
const python: Start = async (port, secret = SECRET) => {
  const cwd = await installedExamples()
  const env = { FOREMAN_WEBHOOK_SECRET: secret }
  return new Command(['webhook_receiver.py', ...port], { executable: PYTHON, cwd, env })
}

/** A receiver on a free port. */
async function listening(start: Start): Promise<{ receiver: Command; address: string }> {
  const receiver = await start(['0'])
  await receiver.said('/\n')
  return { receiver, address: /http:\S+/.exec(receiver.stdout)?.[0] ?? '' }
}

/** A webhook as foreman signs it at `at`, with this key. */
async function forged(address: string, at: number, key: Uint8Array<ArrayBuffer>): Promise<number> {
  const body = new TextEncoder().encode('{"job_id":"X","sequence":1,"state":"queued"}')
  const headers = await signWebhook({ id: 'X-1', timestamp: Math.floor(at / 1000), body, keys: [key] })
  return (await call(address.slice(0, -1), { path: '/', body, headers })).status
}

function receives(start: Start): void {
  it('prints the changes of a job in order, and says if a webhook came before', async () => {
    await using fake = await FakeOllama.start()
    const { url } = await startForeman(fake, { clock: systemClock, config: { webhookSecrets: [KEY] } })
    const { receiver, address } = await listening(start)
    const submit = async (): Promise<string> => {
      const body = { model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }], state_webhook_url: address }
      const { job_id } = JSON.parse((await call(url, { path: '/jobs', body })).body) as ReceiptDocument
      return job_id
    }
    fake.on('/api/chat', says('Rayleigh', ' scattering'), fails(500, 'no such luck'))
    const done = await submit()
    await receiver.said('Rayleigh scattering\n')
    const saidOf = (id: string): string[] =>
      receiver.stdout.split('\n').flatMap((line) => (line.startsWith(`${id} `) ? line.slice(id.length + 1) : []))
    expect(saidOf(done)).toEqual(['1 queued', '2 loading', '3 working', '4 done'])

    const failed = await submit()
    await receiver.said('  target_error\n')
    expect(saidOf(failed).at(-1)).toMatch(/^\d failed$/)

    // An answer on its way is not yet a delivery, and that cannot be sent again.
    await until('it is delivered', async () => {
      const { deliveries } = await read<JobDocument>(url, `/jobs/${done}`)
      return deliveries.every(({ status }) => status === 'delivered')
    })
    expect((await call(url, { path: `/jobs/${done}/deliveries/4/redeliver` })).status).toBeLessThan(300)
    await receiver.said(`${done}-4 was received before\n`)
    expect(saidOf(done)).toHaveLength(4)
  })

  it('rejects webhooks that are unsigned, from another sender, too old or too long, and accepts the next', async () => {
    const { receiver, address } = await listening(start)
    const [now, other] = [Date.now(), new TextEncoder().encode('another secret')]
    expect(await forged(address, now, other)).toBe(401)
    expect(await forged(address, now - 301_000, KEY)).toBe(401)
    expect((await call(address.slice(0, -1), { path: '/', body: { state: 'done' } })).status).toBe(401)
    const tooLong = await call(address.slice(0, -1), { path: '/', body: Buffer.alloc(9 * 1024 ** 2, 'x') }).then(
      ({ status }) => status,
      // A receiver that has answered need not wait for the rest.
      ({ code }: NodeJS.ErrnoException) => code,
    )
    expect([413, 'EPIPE', 'ECONNRESET']).toContain(tooLong)
    expect(receiver.stdout).toBe(`listening on ${address}\n`)
    expect(await forged(address, now, KEY)).toBe(204)
    await receiver.said('X 1 queued\n')
  })

  it('accepts both secrets during a rotation, and does not start without one', async () => {
    const receiver = await start(['0'], `the new one, ${SECRET}`)
    await receiver.said('/\n')
    const address = /http:\S+/.exec(receiver.stdout)?.[0] ?? ''
    expect(await forged(address, Date.now(), KEY)).toBe(204)
    const ended = await (await start(['0'], '')).ended
    expect(ended.code).not.toBe(0)
    expect(ended.stderr).toContain('FOREMAN_WEBHOOK_SECRET')
  })
}

describe('webhook-receiver.ts', () => receives(typescript))
describe.skipIf(!hasPython)('webhook_receiver.py', () => receives(python))
