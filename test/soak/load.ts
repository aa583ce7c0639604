// Table of the mixed load of a soak: the actions of callers and how often each occurs. Every action ends within
// `LONGEST_MS` and reports only whether the daemon's answer is allowed.

import { Agent, type IncomingMessage, request } from 'node:http'
import type { SeededRandom } from '../proof/seeded-random.ts'
import { EMBEDDER, WORKERS } from './target.ts'

export interface LoadContext {
  readonly base: string
  /** A receiver that answers 204. */
  readonly receiver: string
  /** A port where nothing listens. */
  readonly deadReceiver: string
  readonly random: SeededRandom
}

export interface Action {
  readonly name: string
  readonly weight: number
  /** Returns null if the daemon's answer is allowed, else what was wrong. */
  readonly act: (context: LoadContext) => Promise<string | null>
}

/** Much longer than the queue needs for the open callers of a soak. A slower answer is a fault. */
const LONGEST_MS = 300_000
const LARGE_PROMPT_BYTES = 512 * 1024

interface Asked {
  readonly method?: string
  readonly path: string
  readonly body?: unknown
  /** The caller hangs up after this many milliseconds. */
  readonly hangUpMs?: number
  /** The caller reads nothing of the answer. */
  readonly readsNothing?: boolean
}

interface Answer {
  readonly status: number
  readonly text: string
}

/** Returns null if the answer was not whole. */
function ask(base: string, { method = 'POST', path, body, hangUpMs = LONGEST_MS, readsNothing = false }: Asked) {
  return new Promise<Answer | null>((resolve) => {
    const agent = new Agent({ keepAlive: false })
    const req = request(`${base}${path}`, { method, agent, headers: { 'Content-Type': 'application/json' } })
    const timer = setTimeout(() => req.destroy(), hangUpMs)
    let answer: Answer | null = null
    const done = (): void => {
      clearTimeout(timer)
      agent.destroy()
      resolve(answer)
    }
    req.on('response', (response: IncomingMessage) => {
      if (readsNothing) return
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', () => undefined)
      response.on('end', () => {
        answer = { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }
      })
      response.on('close', done)
    })
    req.on('error', () => undefined)
    req.on('close', done)
    req.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body))
  })
}

function chatOf({ random }: LoadContext, differences: object = {}): object {
  return {
    model: random.pick(WORKERS),
    messages: [{ role: 'user', content: `question ${random.integer(0, 1e9)}` }],
    options: { num_predict: random.skewed(1, 60) },
    ...differences,
  }
}

/** The target cuts some answers, so both 200 and 502 are right. */
const CALL_STATUSES = [200, 502]

async function call(context: LoadContext, path: string, differences: object): Promise<string | null> {
  const answer = await ask(context.base, { path, body: chatOf(context, differences) })
  // Cut answers end without a whole answer, on purpose.
  return answer === null || CALL_STATUSES.includes(answer.status) ? null : `${path}: ${answer.status} ${answer.text}`
}

async function hangUp(context: LoadContext): Promise<null> {
  const body = chatOf(context, { options: { num_predict: 60 } })
  await ask(context.base, { path: '/api/chat', body, hangUpMs: context.random.integer(1, 150) })
  return null
}

async function submit(context: LoadContext, differences: object): Promise<{ id: string } | string> {
  const answer = await ask(context.base, { path: '/jobs', body: chatOf(context, differences) })
  if (answer?.status !== 202) return `/jobs: ${answer?.status} ${answer?.text}`
  return { id: String(JSON.parse(answer.text).job_id) }
}

async function submitOnly(context: LoadContext, differences: object): Promise<string | null> {
  const submitted = await submit(context, differences)
  return typeof submitted === 'string' ? submitted : null
}

async function watch(context: LoadContext, readsNothing: boolean): Promise<string | null> {
  const submitted = await submit(context, {})
  if (typeof submitted === 'string') return submitted
  const path = `/jobs/${submitted.id}/events`
  const hangUpMs = readsNothing ? 5_000 : LONGEST_MS
  const answer = await ask(context.base, { method: 'GET', path, readsNothing, hangUpMs })
  if (readsNothing) return null
  return answer?.status === 200 && /"state":"(done|failed)"/.test(answer.text) ? null : `${path}: ${answer?.status}`
}

async function cancel(context: LoadContext): Promise<string | null> {
  const submitted = await submit(context, {})
  if (typeof submitted === 'string') return submitted
  const answer = await ask(context.base, { method: 'POST', path: `/jobs/${submitted.id}/cancel` })
  return answer !== null && answer.status < 500 ? null : `cancel: ${answer?.status}`
}

async function read(context: LoadContext): Promise<string | null> {
  const path = context.random.pick(['/jobs?limit=20', '/status', '/metrics', '/healthz', '/api/tags', '/api/ps', '/'])
  const answer = await ask(context.base, { method: 'GET', path })
  return answer?.status === 200 ? null : `${path}: ${answer?.status}`
}

async function embed(context: LoadContext): Promise<string | null> {
  const answer = await ask(context.base, { path: '/api/embed', body: { model: EMBEDDER, input: ['one', 'two'] } })
  return answer?.status === 200 ? null : `/api/embed: ${answer?.status} ${answer?.text}`
}

async function nonsense(context: LoadContext): Promise<string | null> {
  const body = context.random.pick([
    '',
    '{',
    '[]',
    '{"model":1}',
    '{"model":"nobody"}',
    `{"model":"${'x'.repeat(9_999)}"}`,
  ])
  const path = context.random.pick(['/api/chat', '/jobs', '/v1/chat/completions', '/nowhere'])
  const answer = await ask(context.base, { path, body })
  return answer !== null && answer.status >= 400 && answer.status < 500 ? null : `nonsense: ${answer?.status}`
}

export const ACTIONS: readonly Action[] = [
  { name: 'chat, streamed', weight: 6, act: (context) => call(context, '/api/chat', {}) },
  { name: 'chat, unstreamed', weight: 4, act: (context) => call(context, '/api/chat', { stream: false }) },
  {
    name: 'OpenAI chat, streamed',
    weight: 4,
    act: (context) => call(context, '/v1/chat/completions', { stream: true }),
  },
  { name: 'caller hangs up', weight: 4, act: hangUp },
  { name: 'embedding', weight: 6, act: embed },
  { name: 'job', weight: 2, act: (context) => submitOnly(context, {}) },
  {
    name: 'job with a webhook',
    weight: 4,
    act: (context) => submitOnly(context, { state_webhook_url: context.receiver }),
  },
  {
    name: 'job with a dead receiver',
    weight: 1,
    act: (context) => submitOnly(context, { state_webhook_url: context.deadReceiver }),
  },
  {
    name: 'job with a large prompt',
    weight: 1,
    act: (context) => submitOnly(context, { prompt: 'x'.repeat(LARGE_PROMPT_BYTES) }),
  },
  { name: 'job that is watched', weight: 3, act: (context) => watch(context, false) },
  { name: 'watcher who reads nothing', weight: 1, act: (context) => watch(context, true) },
  { name: 'job that is cancelled', weight: 2, act: cancel },
  { name: 'status, lists, metrics', weight: 4, act: read },
  { name: 'invalid request', weight: 2, act: nonsense },
]

export function drawAction(random: SeededRandom): Action {
  const total = ACTIONS.reduce((sum, { weight }) => sum + weight, 0)
  let rest = random.integer(1, total)
  for (const action of ACTIONS) {
    rest -= action.weight
    if (rest <= 0) return action
  }
  throw new Error('the weights do not add up')
}
