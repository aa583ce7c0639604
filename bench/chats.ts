// Bench of chats per second through the queue, with callers that send the next chat at once. It shows the cost of a
// row, a claim and an end for each chat, as a rate.

import { startForeman } from './foreman.ts'
import { type Closed, closedLoad } from './load.ts'
import { startProxy } from './nginx.ts'
import type { Report } from './report.ts'
import { digits, median } from './statistics.ts'
import { chatRequest, startChatTarget } from './targets.ts'

const METHOD = `The target answers each chat at once with two records. Callers on kept connections send the next chat
  when the previous one has ended. The direct and nginx rows use one caller, because foreman sends one chat at a time
  for any number of callers. Rounds alternate. One chat is one enqueue, one claim and one end in the database.`

const CALLERS = [1, 16, 64]
const ROUND_MS = 1_500

export async function run(report: Report, { rounds }: { rounds: number }): Promise<void> {
  report.method(METHOD)
  const target = await startChatTarget()
  const nginx = await startProxy(target.port)
  const foreman = await startForeman({ targetPort: target.port })
  const load = ({ port, pid }: { port: number; pid: number }, connections: number) =>
    closedLoad({ port, pid, connections, ms: ROUND_MS, request: chatRequest(port) })
  const direct: Closed[] = []
  const proxied: Closed[] = []
  const queued = CALLERS.map((): Closed[] => [])
  await load(foreman, 16)
  for (let round = 0; round < rounds; round++) {
    direct.push(await load(target, 1))
    proxied.push(await load(nginx, 1))
    for (const [index, callers] of CALLERS.entries()) queued[index]?.push(await load(foreman, callers))
  }
  await Promise.all([foreman.child.stop(), nginx.child.stop(), target.child.stop()])

  const base = median(direct.map(({ rate }) => rate))
  const row = (name: string, found: readonly Closed[], isServer = true) => {
    const rate = median(found.map((one) => one.rate))
    const cpu = isServer ? digits(1e6 / median(found.map((one) => one.perCpuSecond))) : ''
    return [name, digits(rate), `${digits(rate / base)}×`, cpu]
  }
  report.table(
    ['', 'chats/s', 'of direct', 'CPU µs a chat'],
    [
      row('direct, 1 caller', direct, false),
      row('nginx, 1 caller', proxied),
      ...CALLERS.map((callers, index) => row(`foreman, ${callers} callers`, queued[index] ?? [])),
    ],
  )
}
