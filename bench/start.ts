// Bench of the start and the memory of the daemon: from source, as the bundle, and with switches of V8 and malloc,
// compared with empty Node programs.

import { join } from 'node:path'
import { buildProgram } from '../scripts/build-program.ts'
import { onFreePort } from '../test/free-port.ts'
import { Caller, post, requestBytes } from './caller.ts'
import { type Child, startChild, temporaryDirectory } from './child.ts'
import { startForeman } from './foreman.ts'
import { closedLoad, openLoad, wait } from './load.ts'
import { residentMiB } from './process-cost.ts'
import type { Report } from './report.ts'
import { digits, median } from './statistics.ts'
import { chatRequest, startChatTarget } from './targets.ts'

const METHOD = `From spawn to the first 200 of /healthz, polled every 2 ms, with an existing database; the variants
  alternate in each round. The empty programs answer every request with 200; one imports node:http, one requires it.
  Memory is VmRSS: five seconds after the last start, and five seconds after a minute of chats, embeddings and reads
  of /status, as many as four connections each can have, and 20 jobs a second.`

const IDLE_MS = 5_000
const LOAD_MS = 60_000
const CONNECTIONS = 4
/** Fewer than the daemon can run, so that none waits for long. One connection, because an idle one would be closed. */
const JOBS_A_SECOND = 20

const EMPTY = "http.createServer((_, res) => res.end()).listen(process.argv[1], '127.0.0.1')"

interface Variant {
  readonly name: string
  /** Node's flags and the program. */
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Whether it is an empty program; only foreman gets the load. */
  readonly isEmpty?: true
}

interface Found {
  readonly times: number[]
  idle: number
  loaded: number
  /** Chats per second during the load. */
  chats: number
}

function variants(bundle: string): readonly Variant[] {
  const program = join(bundle, 'foreman.js')
  const switched = (...args: string[]): Variant => ({ name: args.join(' '), args: [...args, program, 'serve'] })
  return [
    {
      name: 'empty, import',
      args: ['--input-type=module', '-e', `import http from 'node:http'\n${EMPTY}`],
      isEmpty: true,
    },
    { name: 'empty, require', args: ['-e', `const http = require('node:http')\n${EMPTY}`], isEmpty: true },
    { name: 'source', args: [join(import.meta.dirname, '../src/cli/main.ts'), 'serve'] },
    { name: 'bundle, nothing compiled', args: [join(bundle, 'bundle.js'), 'serve'] },
    { name: 'bundle', args: [program, 'serve'] },
    { name: 'MALLOC_ARENA_MAX=1', args: [program, 'serve'], env: { MALLOC_ARENA_MAX: '1' } },
    switched('--liftoff-only'),
    switched('--max-semi-space-size=1'),
    switched('--max-semi-space-size=4'),
    switched('--optimize-for-size'),
    switched('--max-semi-space-size=1', '--optimize-for-size'),
  ]
}

export async function run(report: Report, { rounds }: { rounds: number }): Promise<void> {
  report.method(METHOD)
  const target = await startChatTarget()
  const rows = variants(await buildProgram()).map((variant) => ({
    variant,
    db: join(temporaryDirectory(), 'foreman.db'),
    found: { times: [], idle: Number.NaN, loaded: Number.NaN, chats: Number.NaN } as Found,
  }))
  // The first start creates the database and the compiled code.
  for (const { variant, db } of rows) await (await start(variant, target.port, db)).child.stop()
  for (let round = 0; round < rounds; round++) {
    for (const { variant, db, found } of rows) {
      const { child, port, ms } = await start(variant, target.port, db)
      found.times.push(ms)
      if (round === rounds - 1) await measureMemory(variant, { pid: child.pid, port }, found, rounds === 1)
      await child.stop()
    }
  }
  await target.child.stop()
  show(report, rows)
}

interface Started {
  readonly child: Child
  readonly port: number
  readonly ms: number
}

const start = (variant: Variant, targetPort: number, db: string): Promise<Started> =>
  onFreePort((port) => startOn(port, variant, targetPort, db))

async function startOn(
  port: number,
  { args, env = {}, isEmpty }: Variant,
  targetPort: number,
  db: string,
): Promise<Started> {
  const started = performance.now()
  const settings = { ...env, FOREMAN_ADDR: `127.0.0.1:${port}` }
  const starting =
    isEmpty === true
      ? { child: startChild(process.execPath, [...args, String(port)]) }
      : startForeman({ targetPort, db, args, settings })
  const healthy = untilHealthy(port).then(() => performance.now() - started)
  // In this order, so that a daemon that does not start ends the bench at once, not only when the wait for its health times out.
  const { child } = await starting
  return { child, port, ms: await healthy }
}

async function measureMemory(
  { isEmpty }: Variant,
  { pid, port }: { pid: number; port: number },
  found: Found,
  isQuick: boolean,
): Promise<void> {
  await wait(IDLE_MS)
  found.idle = residentMiB(pid)
  if (isEmpty === true) return
  const ms = isQuick ? 2_000 : LOAD_MS
  const load = { port, pid, connections: CONNECTIONS, ms }
  const chat = { model: 'bench', messages: [{ role: 'user', content: 'Why is the sky blue?' }] }
  const [chats] = await Promise.all([
    closedLoad({ ...load, request: chatRequest(port) }),
    closedLoad({ ...load, request: post(port, '/api/embed', { model: 'bench', input: 'x'.repeat(2_000) }) }),
    openLoad({
      port,
      request: post(port, '/jobs', chat),
      connections: 1,
      rate: JOBS_A_SECOND,
      ms,
      status: 202,
    }),
    closedLoad({ ...load, request: requestBytes({ method: 'GET', path: '/status', port }) }),
  ])
  await wait(IDLE_MS)
  found.loaded = residentMiB(pid)
  found.chats = chats.rate
}

function show(report: Report, rows: readonly { readonly variant: Variant; readonly found: Found }[]): void {
  const ms = (value: number) => `${digits(value)} ms`
  const mib = (value: number) => (Number.isNaN(value) ? '' : `${digits(value)} MiB`)
  report.table(
    ['', 'best', 'median', 'idle', 'after load', 'chats/s'],
    rows.map(({ variant: { name }, found: { times, idle, loaded, chats } }) => [
      name,
      ms(Math.min(...times)),
      ms(median(times)),
      mib(idle),
      mib(loaded),
      Number.isNaN(chats) ? '' : digits(chats),
    ]),
  )
  const bundle = rows.find(({ variant }) => variant.name === 'bundle')?.found
  if (bundle === undefined) return
  const best = Math.min(...bundle.times)
  report.goal('the bundle is healthy within 300 ms', best <= 300, ms(best))
  report.goal('the bundle holds at most 90 MiB when idle', bundle.idle <= 90, mib(bundle.idle))
  report.goal('the bundle holds at most 130 MiB after a minute of mixed load', bundle.loaded <= 130, mib(bundle.loaded))
}

async function untilHealthy(port: number): Promise<void> {
  for (let tries = 0; tries < 10_000; tries++) {
    if (await isHealthy(port)) return
    await wait(2)
  }
}

function isHealthy(port: number): Promise<boolean> {
  const caller = new Caller(port)
  return new Promise((resolve) => {
    caller.socket.once('close', () => resolve(false))
    caller.send(requestBytes({ method: 'GET', path: '/healthz', port }), {
      end: (status) => {
        resolve(status === 200)
        caller.close()
      },
    })
  })
}
