// Starts the daemon of child.ts in a separate process, and kills it after the test if it still runs.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Config } from '../../src/daemon/config/options.ts'
import type { Step } from '../../src/daemon/runtime/step.ts'

export interface Child {
  readonly process: ChildProcess
  readonly url: string
  readonly exited: Promise<readonly unknown[]>
}

/** `step`: the step at which it kills itself, after it has passed the step `passes` times. */
export async function startChild(config: Config, step: Step | '' = '', passes = 0): Promise<Child> {
  const child = fork(join(import.meta.dirname, 'child.ts'), [JSON.stringify(config), step, String(passes)])
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const [message] = (await Promise.race([once(child, 'message'), exited])) as [{ url?: string } | null]
  return { process: child, url: message?.url ?? '', exited }
}
