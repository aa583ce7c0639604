// Bench of balancing a fleet, simulated: how many loads and how much waiting time are saved by sending each model to
// its own targets, against round robin and least connections, and where it stops helping. The figures do not depend on
// this machine.

import { POLICIES } from './fleet-policies.ts'
import { type Fleet, type FleetResult, simulate } from './fleet-simulation.ts'
import type { Report } from './report.ts'
import { digits } from './statistics.ts'

const METHOD = `Simulated time: 100 targets with memory for one model each, a foreman in front of each that drains by
  model, and a million jobs for each row (50 000 with --quick). Jobs arrive at random; a run takes 10 s on average, a
  load 20 s; models are popular by Zipf's law. A queue that holds 1 000 jobs refuses more. Every policy gets the same
  jobs.`

const FLEET: Fleet = {
  targets: 100,
  models: 20,
  skew: 1,
  jobs: 1_000_000,
  utilisation: 0.6,
  loadTime: 20,
  runTime: 10,
  drainLimit: 900,
  maxQueue: 1_000,
  seed: 1,
}

const CASES: readonly { readonly title: string; readonly change: Partial<Fleet> }[] = [
  { title: '20 models, 60 % busy', change: {} },
  { title: '20 models, 30 % busy', change: { utilisation: 0.3 } },
  { title: '20 models, 90 % busy', change: { utilisation: 0.9 } },
  { title: '20 models, equally popular', change: { skew: 0 } },
  { title: '300 models, 60 % busy', change: { models: 300 } },
  { title: '2 models, 60 % busy', change: { models: 2 } },
  { title: '1 model, 60 % busy', change: { models: 1 } },
  { title: '20 models, a load takes 1 s', change: { loadTime: 1 } },
]

export async function run(report: Report, { rounds }: { rounds: number }): Promise<void> {
  report.method(METHOD)
  const rows: string[][] = []
  let first: Record<string, FleetResult> | null = null
  for (const { title, change } of CASES) {
    const fleet = { ...FLEET, ...change, ...(rounds === 1 ? { jobs: 50_000 } : {}) }
    const results = Object.fromEntries(
      Object.entries(POLICIES).map(([name, create]) => [name, simulate(fleet, create)]),
    )
    first ??= results
    Object.entries(results).forEach(([name, result], index) => {
      rows.push([index === 0 ? title : '', ...row(name, fleet, result)])
    })
  }
  report.table(['fleet', 'policy', 'loads per 100 jobs', 'median wait', 'p99 wait', 'refused'], rows)
  const [roundRobin, , , bounded] = Object.values(first ?? {})
  if (roundRobin === undefined || bounded === undefined) return
  const ratio = bounded.swaps / roundRobin.swaps
  report.goal('sticky with a bound loads at most half as often as round robin', ratio <= 0.5, `${digits(ratio)}×`)
}

function row(name: string, { jobs }: Fleet, { swaps, refused, waits }: FleetResult): string[] {
  const wait = (share: number) =>
    `${digits(waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? 0)} s`
  return [
    name,
    digits((swaps / Math.max(1, waits.length)) * 100),
    wait(0.5),
    wait(0.99),
    `${digits((refused / jobs) * 100)} %`,
  ]
}
