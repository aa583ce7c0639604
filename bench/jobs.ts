// Requests of the async-job benches: submit many jobs, wait for their end, and read figures from /status and /metrics.

import { ask, post } from './caller.ts'
import type { Foreman } from './foreman.ts'
import { openCallers, wait } from './load.ts'

export interface Webhook {
  readonly url: string
  readonly events: readonly string[]
}

/** The bytes of a submit; the target answers at once. */
export const jobRequest = (port: number, webhook: Webhook | null = null): Buffer =>
  post(port, '/jobs', {
    model: 'bench',
    messages: [{ role: 'user', content: 'Why is the sky blue?' }],
    ...(webhook === null ? {} : { state_webhook_url: webhook.url, webhook_events: webhook.events }),
  })

const CONNECTIONS = 32

/** Submits the jobs; each must be acknowledged. */
export async function submitAll(port: number, requests: readonly Buffer[]): Promise<void> {
  const callers = await openCallers(port, CONNECTIONS)
  let next = 0
  const loops = callers.map(async (caller) => {
    for (let request = requests[next++]; request !== undefined; request = requests[next++]) {
      const status = await caller.request(request)
      if (status !== 202) throw new Error(`a submit had status ${status}`)
    }
  })
  try {
    await Promise.all(loops)
  } finally {
    for (const caller of callers) caller.close()
  }
}

interface Status {
  readonly queue: { readonly waiting: number }
  readonly running: unknown
}

/** Returns whether no job waits or runs. */
export async function isIdle({ port }: Foreman): Promise<boolean> {
  const { queue, running }: Status = JSON.parse(await ask(port, 'GET', '/status'))
  return queue.waiting === 0 && running === null
}

/** Polls until the condition holds. It has a deadline, because a bench must end. */
export async function until(what: string, isSo: () => Promise<boolean>, ms = 120_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ms / 1000} s`)
    await wait(20)
  }
}

/** The sum of a metric over its labels. */
export async function metric({ port }: Foreman, name: string): Promise<number> {
  const text = await ask(port, 'GET', '/metrics')
  const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
