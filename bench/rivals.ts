// Trials of the queues that foreman is compared with: their servers, started once, and a submitter for each trial.
// Their packages are in rivals/ with their own lock file. If something is missing, that rival is left out, with a
// reason.

import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startChild } from './child.ts'
import { startPostgres } from './postgres.ts'
import { MissingProgram } from './program.ts'
import { startRedis } from './redis.ts'

const path = (name: string): string => fileURLToPath(new URL(`./rivals/${name}`, import.meta.url))

export interface Rival {
  readonly name: string
  /** Acknowledged jobs per second. */
  rate(clients: number, ms: number): Promise<number>
}

export interface Rivals {
  readonly found: readonly Rival[]
  /** Why the other rivals are missing. */
  readonly missing: readonly string[]
  stop(): Promise<void>
}

interface Server {
  readonly url: string
  readonly child: { stop(): Promise<void> }
}

const SERVERS: readonly { readonly start: () => Promise<Server>; readonly libraries: readonly string[] }[] = [
  { start: startRedis, libraries: ['bullmq'] },
  { start: startPostgres, libraries: ['pg-boss', 'graphile-worker'] },
]

export async function startRivals(): Promise<Rivals> {
  const found: Rival[] = []
  const missing: string[] = []
  const servers: Server[] = []
  for (const { start, libraries } of SERVERS) {
    try {
      for (const library of libraries) needsPackage(library)
      const server = await start()
      servers.push(server)
      found.push(...libraries.map((name) => rivalAt(name, server.url)))
    } catch (error) {
      if (!(error instanceof MissingProgram)) throw error
      missing.push(`${libraries.join(', ')}: ${error.message}`)
    }
  }
  return { found, missing, stop: async () => void (await Promise.all(servers.map(({ child }) => child.stop()))) }
}

function needsPackage(name: string): void {
  if (existsSync(path(`node_modules/${name}`))) return
  throw new MissingProgram('needs its package (npm ci --prefix bench/rivals)')
}

const rivalAt = (name: string, url: string): Rival => ({
  name,
  rate: (clients, ms) => rateOf([path('submitter.ts'), name, url, String(clients), String(ms)]),
})

/** Runs a script that prints `rate N` at its end. */
export async function rateOf(args: readonly string[]): Promise<number> {
  let rate: number | null = null
  const said: string[] = []
  const child = startChild(process.execPath, args, {
    onLine: (line) => {
      if (said.length < 20) said.push(line)
      const found = /^rate ([\d.]+)$/.exec(line)
      if (found !== null) rate = Number(found[1])
    },
  })
  const [code] = await once(child.process, 'close')
  if (rate === null || code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${said.join('\n')}`)
  return rate
}
