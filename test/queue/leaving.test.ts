// Ollama answers an unload at once and lists the model for up to a second more. foreman checks again soon, a limited number
// of times.

import { expect, it } from 'vitest'
import type { StatusDocument } from '../../src/protocol/wire.ts'
import { read } from '../caller.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { passTime, startForeman } from '../harness.ts'

const listing = (expires_at: string): string =>
  JSON.stringify({ models: [{ name: 'tiny-a:latest', model: 'tiny-a:latest', size_vram: 0, expires_at }] })

it('a model past its expiry is probed every half second until it is gone', async () => {
  await using fake = await FakeOllama.start()
  const running = await startForeman(fake)
  const resident = async () => (await read<StatusDocument>(running.url, '/status')).target.resident.length
  await passTime(running, fake, 0)
  fake.always('/api/ps', { body: listing('2026-01-06T12:00:29Z') })
  await passTime(running, fake, 30_000)
  expect(await resident()).toBe(1)
  fake.plain('/api/ps')
  await passTime(running, fake, 500)
  expect(await resident()).toBe(0)
})

it('a target with a slow clock is not probed twice a second for ever', async () => {
  await using fake = await FakeOllama.start()
  const running = await startForeman(fake)
  await passTime(running, fake, 0)
  fake.always('/api/ps', { body: listing('2026-01-06T11:00:00Z') })
  await passTime(running, fake, 30_000)
  const asked = fake.requests('/api/tags').length
  await passTime(running, fake, 29_000)
  expect(fake.requests('/api/tags').length - asked).toBe(6)
})
