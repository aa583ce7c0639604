// One run of the daemon, from its start to its end: a child process that appends to a log file.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Step } from '../../src/daemon/runtime/step.ts'
import { compileCache } from '../compile-cache.ts'
import type { Pace } from './fast-clock.ts'

/** Where the daemon kills itself. */
export interface KillPoint {
  readonly step: Step
  /** How often it passes this step before it kills itself, counted from `arm`. */
  readonly passes: number
}

/** Arguments of the child process; plain values. */
export interface DaemonOrders {
  /** The whole environment of the daemon. */
  readonly settings: Readonly<Record<string, string>>
  readonly pace: Pace
  /** File to which the daemon's log is appended. */
  readonly log: string
}

export class DaemonProcess {
  readonly #process: ChildProcess
  /** Resolves when it listens or has exited. */
  readonly ready: Promise<'ready' | 'dead'>
  /** Resolves with the signal that ended it, or its exit code. */
  readonly over: Promise<string | number>

  /** @param mutant name of a mutant to apply to its source, see apply-mutant.ts */
  constructor(orders: DaemonOrders, mutant: string | null = null) {
    const hooks = mutant === null ? [] : ['--import', join(import.meta.dirname, 'apply-mutant.ts')]
    this.#process = fork(join(import.meta.dirname, 'daemon-child.ts'), [JSON.stringify(orders)], {
      execArgv: hooks,
      env: mutant === null ? compileCache() : { FOREMAN_PROOF_MUTANT: mutant },
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

  /** Sets the kill point. The daemon must be ready. */
  async arm(killPoint: KillPoint): Promise<void> {
    const armed = once(this.#process, 'message')
    this.#process.send(killPoint)
    await Promise.race([armed, this.over])
  }

  /** Sends SIGKILL; resolves when it has exited. May be called twice. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.over
  }

  /** Sends SIGTERM; resolves with its exit code, or the signal that ended it. */
  stop(): Promise<string | number> {
    this.#process.kill('SIGTERM')
    return this.over
  }
}
