// Testbed for one test, in its own folder; both are removed after the test.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Testbed, type TestbedOptions } from './testbed.ts'

export async function temporaryTestbed(options: Omit<TestbedOptions, 'folder'> = {}): Promise<Testbed> {
  const folder = await mkdtemp(join(tmpdir(), 'foreman-proof-'))
  const testbed = await Testbed.start({ ...options, folder })
  onTestFinished(async () => {
    await testbed.end()
    await rm(folder, { recursive: true, force: true })
  })
  return testbed
}
