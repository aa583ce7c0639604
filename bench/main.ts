// Entry point of `npm run bench`: runs the benches named on the command line (all of them without a name), one after
// another, and lists every goal at the end. `--quick` runs one round of each to see that they work; its figures mean
// little.

import { existsSync } from 'node:fs'
import { arch, cpus, loadavg, platform, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { startChild, stopChildren } from './child.ts'
import { MissingProgram } from './program.ts'
import { createReport, type Goal, type Report } from './report.ts'

type Run = (report: Report, options: { rounds: number }) => Promise<void>
interface Bench {
  readonly title: string
  readonly load: () => Promise<Run>
}

const BENCHES: Readonly<Record<string, Bench>> = {
  relay: { title: 'a streamed chat through the queue', load: async () => (await import('./relay.ts')).run },
  embed: { title: 'embeddings past the queue', load: async () => (await import('./embed.ts')).run },
  chats: { title: 'chats per second through the queue', load: async () => (await import('./chats.ts')).run },
  submits: { title: 'jobs acknowledged per second', load: async () => (await import('./submits.ts')).run },
  deliveries: { title: 'webhooks delivered', load: async () => (await import('./deliveries.ts')).run },
  watchers: { title: 'a run with a hundred watchers', load: async () => (await import('./watchers.ts')).run },
  store: { title: 'claim and enqueue in a long queue', load: async () => store },
  swaps: { title: 'three models on a real Ollama', load: async () => (await import('./swaps.ts')).run },
  inventory: {
    title: 'requests before a chat, while the target is asleep, loading or busy',
    load: async () => (await import('./inventory.ts')).run,
  },
  memory: { title: 'memory of the daemon', load: async () => (await import('./memory.ts')).run },
  fleet: { title: 'a hundred simulated targets behind a balancer', load: async () => (await import('./fleet.ts')).run },
  sticky: {
    title: 'what a balancer hashes: body, header or path',
    load: async () => (await import('./sticky.ts')).run,
  },
  start: { title: 'from start to healthy', load: async () => (await import('./start.ts')).run },
}

/** The bench of the store runs in its own process. A goal that it misses does not count as a failure here. */
async function store(report: Report, { rounds }: { rounds: number }): Promise<void> {
  const script = fileURLToPath(new URL('./store.ts', import.meta.url))
  if (!existsSync(script)) throw new Error('bench/store.ts is missing')
  let hasGoals = false
  const child = startChild(process.execPath, [script, ...(rounds === 1 ? ['--quick'] : [])], {
    onLine: (line) => {
      hasGoals ||= line.includes('  goal: ')
      report.passOn(line)
    },
  })
  const code = await new Promise((resolve) => child.process.once('close', resolve))
  if (!hasGoals) throw new Error(`bench/store.ts ended with ${code}`)
}

async function main(args: readonly string[]): Promise<number> {
  const names = args.filter((arg) => !arg.startsWith('--'))
  const unknown = [
    ...names.filter((name) => BENCHES[name] === undefined),
    ...args.filter((arg) => /^--(?!quick$)/.test(arg)),
  ]
  if (unknown.length > 0) {
    console.error(
      `unknown: ${unknown.join(', ')}. Usage: npm run bench -- [${Object.keys(BENCHES).join('] [')}] [--quick]`,
    )
    return 2
  }
  const [cpu] = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  console.log(
    `${cpus().length} × ${cpu?.model ?? 'unknown CPU'}, ${memory}, ${platform()} ${arch()}, Node ${process.version}`,
  )
  const [load = 0] = loadavg()
  if (load > cpus().length / 2)
    console.log(`this machine is busy (load average ${load.toFixed(1)}): the figures are not reliable`)
  const goals: Goal[] = []
  let broken = 0
  for (const name of names.length > 0 ? names : Object.keys(BENCHES)) {
    const bench = BENCHES[name] as Bench
    console.log(`\n${name}: ${bench.title}`)
    try {
      await (await bench.load())(createReport(name, goals), { rounds: args.includes('--quick') ? 1 : 5 })
    } catch (error) {
      broken += 1
      console.log(`  not measured: ${error instanceof MissingProgram ? error.message : String(error)}`)
      if (!(error instanceof MissingProgram) && error instanceof Error) console.log(error.stack)
    } finally {
      await stopChildren()
    }
  }
  console.log(`\n${goals.filter(({ met }) => met).length} of ${goals.length} goals met`)
  for (const { bench, sentence, met, was } of goals) console.log(`  ${met ? '✓' : '✗'} ${bench}: ${sentence} (${was})`)
  return broken > 0 ? 1 : 0
}

process.exit(await main(process.argv.slice(2)))
