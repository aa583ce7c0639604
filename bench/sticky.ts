// Bench of what a balancer can hash to keep a model on its targets: the body, a header or the path. Real HAProxy and
// nginx run in front of two foremen. It measures the cost of the hop and counts how often a target had to change its
// model.

import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onFreePort } from '../test/free-port.ts'
import { Caller, post } from './caller.ts'
import { type Child, startChild, temporaryDirectory } from './child.ts'
import { type Foreman, startForeman } from './foreman.ts'
import { closedLoad, openCallers, wait } from './load.ts'
import { findProgram, MissingProgram } from './program.ts'
import type { Report } from './report.ts'
import { digits, median } from './statistics.ts'

const METHOD = `Two foremen, each in front of a target that answers a chat at once. One at a time: unstreamed chats
  one after another on one connection, the median of each round. "60 kB": the same with a text of that length in front
  of the model's name. Together: 16 connections. Rounds alternate between the variants. Model changes: 240 chats of 6
  models in a fixed shuffled order on 24 connections, each of 20 ms. A change is a chat whose model differs from the
  previous one at the same target.`

const EXAMPLE = fileURLToPath(new URL('../examples/two-targets/', import.meta.url))
const MODELS = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `model-${name}`)
const ROUND_MS = 1_000
const CHATS = 240
const CONNECTIONS = 24
/** Without this duration chats would not wait, and foreman could not group them by model. */
const THINKING_MS = 20

type Key = 'body' | 'header' | 'path' | 'none'

interface Way {
  readonly name: string
  readonly program: 'haproxy' | 'nginx' | null
  /** Where the balancer finds the model. */
  readonly key: Key
  /** Edits the example's text. */
  readonly edit: (text: string) => string
}

const asIs = (text: string): string => text
const BODY_HASH = "balance hash req.body,json_query('$.model')"
const replaced = (text: string, from: string, to: string): string => {
  if (!text.includes(from)) throw new Error(`the example no longer contains "${from}"`)
  return text.replace(from, to)
}
/** The example with another hash, and without waiting for a body that the balancer does not read. */
const haproxyWith = (hash: string) => (text: string) =>
  replaced(replaced(text, BODY_HASH, hash), '    option http-buffer-request\n', '')

const WAYS: readonly Way[] = [
  { name: 'directly', program: null, key: 'none', edit: asIs },
  { name: 'HAProxy, body', program: 'haproxy', key: 'body', edit: asIs },
  { name: 'HAProxy, header', program: 'haproxy', key: 'header', edit: haproxyWith('balance hash req.hdr(x-model)') },
  { name: 'HAProxy, round robin', program: 'haproxy', key: 'none', edit: haproxyWith('balance roundrobin') },
  { name: 'nginx, header', program: 'nginx', key: 'header', edit: asIs },
  { name: 'nginx, path', program: 'nginx', key: 'path', edit: asIs },
  {
    name: 'nginx, round robin',
    program: 'nginx',
    key: 'none',
    edit: (text) => replaced(text, '    hash $model_of_path consistent;\n', ''),
  },
]

interface Balancer {
  readonly pid: number
  readonly port: number
  readonly child: Child | null
}

async function startBalancer({ program, edit }: Way, foremen: readonly Foreman[]): Promise<Balancer> {
  if (program !== null) return onFreePort((port) => startProgram(port, program, edit, foremen))
  const [{ pid, port } = { pid: 0, port: 0 }] = foremen
  return { pid, port, child: null }
}

async function startProgram(
  port: number,
  program: NonNullable<Way['program']>,
  edit: Way['edit'],
  foremen: readonly Foreman[],
): Promise<Balancer> {
  const [one, two] = foremen.map((foreman) => foreman.port)
  const cure = `Debian: apt-get install --no-install-recommends ${program === 'nginx' ? 'nginx-light' : program}`
  const binary = findProgram(program, cure)
  const folder = temporaryDirectory()
  const file = join(folder, program === 'nginx' ? 'nginx.conf' : 'haproxy.cfg')
  const text = edit(readFileSync(join(EXAMPLE, program === 'nginx' ? 'nginx.conf' : 'haproxy.cfg'), 'utf8'))
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replaceAll('127.0.0.1:8081', `127.0.0.1:${one}`)
    .replaceAll('127.0.0.1:8082', `127.0.0.1:${two}`)
  writeFileSync(file, program === 'nginx' ? nginxFile(text, folder) : text)
  const args = program === 'nginx' ? ['-p', folder, '-e', 'stderr', '-c', file] : ['-db', '-f', file]
  const said: string[] = []
  const child = startChild(binary, args, { isParent: true, onLine: (line) => said.push(line) })
  for (let tries = 0; tries < 200 && child.process.exitCode === null; tries++) {
    const status = await statusOf(port)
    if (status === 200) return { pid: child.pid, port, child }
    await wait(25)
  }
  await child.stop()
  throw new Error(`${program} did not start: ${said.join(' ')}`)
}

function nginxFile(text: string, folder: string): string {
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `daemon off; ${user} worker_processes 1; pid ${folder}/pid; error_log stderr crit; events {}
    http { access_log off; ${places.map((place) => `${place}_temp_path ${folder}/${place};`).join(' ')}\n${text}}`
}

async function statusOf(port: number): Promise<number> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/api/version`)).status
  } catch {
    return 0
  }
}

function chat(port: number, key: Key, model: string, padding = 0): Buffer {
  const content = 'x'.repeat(padding) || 'Why is the sky blue?'
  const body = { messages: [{ role: 'user', content }], stream: false, model }
  const bytes = post(port, key === 'path' ? `/model/${model}/api/chat` : '/api/chat', body)
  if (key !== 'header') return bytes
  const text = bytes.toString('latin1')
  return Buffer.from(text.replace('\r\n', `\r\nX-Model: ${model}\r\n`), 'latin1')
}

async function oneAtATime(port: number, request: Buffer): Promise<number> {
  const caller = await Caller.open(port)
  const times: number[] = []
  const until = performance.now() + ROUND_MS
  while (performance.now() < until || times.length < 20) {
    const started = performance.now()
    await caller.request(request)
    times.push(performance.now() - started)
  }
  caller.close()
  return median(times.slice(5))
}

/** The order is the same for every variant. */
function shuffled(): readonly string[] {
  let seed = 7
  const next = (): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return seed / 2 ** 32
  }
  return Array.from({ length: CHATS }, () => MODELS[Math.floor(next() * MODELS.length)] ?? '')
}

/** How often the targets had to change their model for the same chats. */
async function modelChanges({ port }: Balancer, key: Key, targets: readonly CountingTarget[]): Promise<number> {
  const counted = (): number => targets.reduce((sum, { changes }) => sum + changes, 0)
  const before = counted()
  const left = [...shuffled()]
  for (const target of targets) target.thinkingMs = THINKING_MS
  const callers = await openCallers(port, CONNECTIONS)
  await Promise.all(
    callers.map(async (caller) => {
      for (let model = left.shift(); model !== undefined; model = left.shift())
        await caller.request(chat(port, key, model))
      caller.close()
    }),
  )
  for (const target of targets) target.thinkingMs = 0
  return counted() - before
}

interface CountingTarget {
  readonly port: number
  /** How often the model of a chat differed from that of the chat before it. */
  readonly changes: number
  /** How long a chat takes. */
  thinkingMs: number
  stop(): void
}

/** The target, in this process because it must count. It costs the same for every variant. */
async function startTarget(): Promise<CountingTarget> {
  let last = ''
  let changes = 0
  const models = MODELS.map((name) => ({
    name: `${name}:latest`,
    model: `${name}:latest`,
    size: 1,
    digest: name,
    details: {},
  }))
  const resident = (name: string): object => ({
    ...{ name: `${name}:latest`, model: `${name}:latest`, size: 1, size_vram: 1, digest: name, details: {} },
    ...{ expires_at: '2036-01-01T00:00:00Z', context_length: 4096 },
  })
  const answers: Readonly<Record<string, object>> = {
    '/api/version': { version: '0.17.4' },
    '/api/tags': { models },
    '/api/show': { details: {}, model_info: {}, capabilities: ['completion'] },
  }
  const server = createServer(async (req, res) => {
    const parts: Buffer[] = []
    for await (const part of req) parts.push(part)
    res.setHeader('Content-Type', 'application/json')
    if (req.url === '/api/ps') return void res.end(JSON.stringify({ models: last === '' ? [] : [resident(last)] }))
    if (req.url !== '/api/chat') return void res.end(JSON.stringify(answers[req.url ?? ''] ?? {}))
    const { model } = JSON.parse(Buffer.concat(parts).toString()) as { readonly model: string }
    if (model !== last) changes += 1
    last = model
    if (target.thinkingMs > 0) await wait(target.thinkingMs)
    const message = { role: 'assistant', content: 'It scatters.' }
    res.end(JSON.stringify({ model, created_at: '2026-01-01T00:00:00Z', message, done: true, done_reason: 'stop' }))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the target has no port')
  const target: CountingTarget = {
    port: address.port,
    thinkingMs: 0,
    get changes() {
      return changes
    },
    stop() {
      server.close()
      server.closeAllConnections()
    },
  }
  return target
}

export async function run(report: Report, { rounds }: { rounds: number }): Promise<void> {
  report.method(METHOD)
  const targets = [await startTarget(), await startTarget()]
  const foremen = await Promise.all(targets.map(({ port }) => startForeman({ targetPort: port })))
  const started: { readonly way: Way; readonly balancer: Balancer }[] = []
  for (const way of WAYS) {
    try {
      started.push({ way, balancer: await startBalancer(way, foremen) })
    } catch (error) {
      if (!(error instanceof MissingProgram)) throw error
      report.passOn(`  left out: ${way.name}: ${error.message}`)
    }
  }
  const found = new Map(
    started.map(({ way }) => [way, { alone: [] as number[], long: [] as number[], rate: [] as number[] }]),
  )
  for (let round = 0; round < rounds + 1; round++) {
    for (const { way, balancer } of started) {
      const { port, pid } = balancer
      const request = chat(port, way.key, 'model-a')
      const alone = await oneAtATime(port, request)
      const long = await oneAtATime(port, chat(port, way.key, 'model-a', 60_000))
      const { rate } = await closedLoad({ port, pid, connections: 16, ms: ROUND_MS, request })
      // The first round lets V8 compile the hot code.
      if (round === 0) continue
      const figures = found.get(way)
      figures?.alone.push(alone)
      figures?.long.push(long)
      figures?.rate.push(rate)
    }
  }
  const rows: string[][] = []
  for (const { way, balancer } of started) {
    const { alone = [], long = [], rate = [] } = found.get(way) ?? {}
    const changes = way.program === null ? '' : String(await modelChanges(balancer, way.key, targets))
    rows.push([way.name, `${digits(median(alone))} ms`, `${digits(median(long))} ms`, digits(median(rate)), changes])
  }
  report.table(['model from', 'one at a time', 'the same, 60 kB', 'chats/s, 16 together', 'model changes of 240'], rows)
  for (const { balancer } of started) await balancer.child?.stop()
  await Promise.all(foremen.map(({ child }) => child.stop()))
  for (const target of targets) target.stop()
}
