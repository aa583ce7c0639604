// Owns one life of the daemon, from its start to the kill: a child process, and the log that it leaves. It knows nothing of
// jobs.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Step } from '../../src/daemon/runtime/step.ts'
import type { Pace } from './fast-clock.ts'

/** Where it kills itself. */
export interface Fatal {
  readonly step: Step
  /** How often it may pass there before, from the moment it is told. */
  readonly passes: number
}

/** What a life is started with; plain values. */
export interface Orders {
  /** Environment of the daemon, and all of it. */
  readonly settings: Readonly<Record<string, string>>
  readonly pace: Pace
  /** A file that the daemon's log is appended to. */
  readonly log: string
}

export class Life {
  readonly #process: ChildProcess
  /** Resolves when it listens, or is dead. */
  readonly ready: Promise<'ready' | 'dead'>
  /** Resolves with the signal that ended it, or its exit code. */
  readonly over: Promise<string | number>

  /** @param plant name of a mutation that is to be planted into its source, see planting.ts */
  constructor(orders: Orders, plant: string | null = null) {
    const hooks = plant === null ? [] : ['--import', join(import.meta.dirname, 'planting.ts')]
    this.#process = fork(join(import.meta.dirname, 'child.ts'), [JSON.stringify(orders)], {
      execArgv: hooks,
      env: plant === null ? {} : { FOREMAN_PROOF_PLANT: plant },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    const said: Buffer[] = []
    this.#process.stderr?.on('data', (chunk: Buffer) => said.push(chunk))
    this.over = once(this.#process, 'exit').then(([code, signal]) => {
      const text = Buffer.concat(said).toString('utf8')
      if (text !== '' && signal === null) process.stderr.write(text)
      return (signal ?? code) as string | number
    })
    const isUp = once(this.#process, 'message').then(() => 'ready' as const)
    isUp.catch(() => undefined)
    this.ready = Promise.race([isUp, this.over.then(() => 'dead' as const)])
  }

  /** From now on it kills itself there. It must be ready. */
  async arm(fatal: Fatal): Promise<void> {
    const armed = once(this.#process, 'message')
    this.#process.send(fatal)
    await Promise.race([armed, this.over])
  }

  /** SIGKILL; resolves when it is dead. Safe twice. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.over
  }

  /** SIGTERM; resolves with its exit code. */
  stop(): Promise<string | number> {
    this.#process.kill('SIGTERM')
    return this.over
  }
}
