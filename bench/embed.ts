// Bench of embeddings, which bypass the queue: the same requests through nginx with one worker and through foreman.
// embed-busy.ts measures them while the queue is busy.

import { embeddingRequest, startEmbeddingTarget } from './canned-embedding.ts'
import { compareBusy } from './embed-busy.ts'
import { startForeman } from './foreman.ts'
import { type Closed, closedLoad } from './load.ts'
import { startProxy } from './nginx.ts'
import type { Report } from './report.ts'
import { digits, median } from './statistics.ts'
import { startBareProxy } from './targets.ts'

const METHOD = `The target is an nginx that returns one canned embedding (768 numbers), so that the target does not
  limit the figures. A closed load of 1, 16 and 64 kept connections, in rounds that alternate between the rivals. CPU
  seconds are those of the server under test alone, all its threads, from /proc. On a machine with few cores, load
  generator and target compete with the server, so requests per CPU second are more meaningful than requests per
  second. The ratio is the median of the ratios of the rounds. "Bare Node" is the minimal Node proxy (node:http,
  undici, nothing else).`

const CONNECTIONS = [1, 16, 64]
const ROUND_MS = 1_500
/** Long enough for V8 to compile the hot code. */
const WARM_UP_MS = 2_000
/** It was 0.6 while embeddings had an HTTP client of their own; see ADR 0015 for why they use undici again. */
const GOAL = 0.25

interface Round {
  readonly direct: Closed
  readonly nginx: Closed
  readonly bare: Closed
  readonly foreman: Closed
}

export async function run(report: Report, { rounds }: { rounds: number }): Promise<void> {
  report.method(METHOD)
  const target = await startEmbeddingTarget()
  const nginx = await startProxy(target.port)
  const bare = await startBareProxy(target.port)
  const foreman = await startForeman({ targetPort: target.port })
  const rivals = { direct: target, nginx, bare, foreman }
  const results: [connections: number, found: Round[]][] = []
  for (const connections of CONNECTIONS) {
    const load = async (rival: keyof Round, ms = ROUND_MS) => {
      const { port, pid } = rivals[rival]
      return closedLoad({ port, pid, connections, ms, request: embeddingRequest(port) })
    }
    for (const rival of ['bare', 'foreman'] as const) await load(rival, WARM_UP_MS)
    const found: Round[] = []
    for (let round = 0; round < rounds; round++) {
      const [direct, nginx] = [await load('direct'), await load('nginx')]
      found.push({ direct, nginx, bare: await load('bare'), foreman: await load('foreman') })
    }
    results.push([connections, found])
  }
  await Promise.all([foreman, bare, nginx].map(({ child }) => child.stop()))
  print(report, results)
  await compareBusy(report, target, Math.min(rounds, 3))
  await target.child.stop()
}

function print(report: Report, results: readonly [number, Round[]][]): void {
  const rows: string[][] = []
  const goals: [string, number][] = []
  for (const [connections, found] of results) {
    for (const [name, figure] of [
      ['requests/s', 'rate'],
      ['per CPU second', 'perCpuSecond'],
    ] as const) {
      const ratio = median(found.map(({ nginx, foreman }) => foreman[figure] / nginx[figure]))
      const of = (rival: keyof Round) => digits(median(found.map((round) => round[rival][figure])))
      const direct = figure === 'rate' ? of('direct') : ''
      rows.push([`${connections} × ${name}`, direct, of('nginx'), of('bare'), of('foreman'), `${digits(ratio)}×`])
      goals.push([`${connections} connections, ${name}: at least ${GOAL} of nginx`, ratio])
    }
  }
  report.table(['connections', 'target itself', 'nginx', 'bare Node', 'foreman', 'foreman ÷ nginx'], rows)
  for (const [sentence, ratio] of goals) report.goal(sentence, ratio >= GOAL, `${digits(ratio)}×`)
}
