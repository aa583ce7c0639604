// AI SDK provider in front of a real foreman in front of the fake Ollama.

import { onTestFinished } from 'vitest'
import {
  createForeman,
  type ForemanProvider,
  type ForemanProviderSettings,
  type JobProgress,
} from '../../../src/ai-sdk/index.ts'
import { FakeOllama } from '../../fake-ollama.ts'
import { type ForemanOptions, type Running, startForeman, until } from '../../harness.ts'

export interface Whole extends Running {
  readonly fake: FakeOllama
  readonly foreman: ForemanProvider
  /** The states passed to `onState`. */
  readonly seen: JobProgress[]
}

export async function whole(settings: ForemanProviderSettings = {}, options: ForemanOptions = {}): Promise<Whole> {
  const fake = await FakeOllama.start()
  onTestFinished(() => fake.stop())
  const running = await startForeman(fake, options)
  const seen: JobProgress[] = []
  const foreman = createForeman({ url: running.url, onState: (progress) => seen.push(progress), ...settings })
  // Before the first probe, every model is accepted.
  await until('the target is probed', async () => (await foreman.client.status()).target.reachable)
  return { ...running, fake, foreman, seen }
}
