// Simulated target of the demo: it implements the parts of the Ollama API that the demo needs, has memory for one model
// besides the embedder, and says in its version and in each answer that it is a simulation. It does not compute
// anything.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Ask, askOf, EMBED_MS, EMBEDDER, LOAD_MS, MODELS, TOKEN_MS, tokensOf } from './asks.ts'

export interface TargetEvents {
  /** A chat arrived; `loads` if its model must be loaded first. */
  sent(ask: Ask, loads: boolean): void
  /** Its model is loaded; tokens follow. */
  works(ask: Ask): void
}

export interface SimulatedTarget {
  readonly url: string
  close(): void
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export async function startTarget(events: TargetEvents): Promise<SimulatedTarget> {
  let resident: string | null = null
  const server = createServer((req, res) => {
    answer(req, res).catch(() => res.destroy())
  })

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of req) parts.push(part)
    if (req.method === 'GET') return json(res, inventory(req.url ?? ''))
    // Only foreman and the callers of the demo send requests here.
    const body: Body = JSON.parse(Buffer.concat(parts).toString('utf8'))
    if (req.url === '/api/embed') {
      await wait(EMBED_MS)
      return json(res, { model: body.model, embeddings: [[0.1, 0.2, 0.3]], total_duration: 1, load_duration: 1 })
    }
    const ask = askOf(body.messages?.at(-1)?.content ?? '')
    if (ask === undefined) return json(res, { error: 'the simulated target only knows the requests of the demo' }, 400)
    const loads = resident !== ask.model
    events.sent(ask, loads)
    if (loads) {
      resident = null
      await wait(LOAD_MS)
      resident = ask.model
    }
    events.works(ask)
    await stream(res, ask)
  }

  function inventory(path: string): unknown {
    if (path === '/api/version') return { version: '0.0.0-simulated' }
    if (path === '/api/tags') return { models: [...MODELS, EMBEDDER].map(described) }
    if (path !== '/api/ps') return {}
    const held = [EMBEDDER, ...(resident === null ? [] : [resident])]
    return { models: held.map((name) => ({ ...described(name), expires_at: '2300-01-01T00:00:00Z', size_vram: 1 })) }
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the simulated target has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

interface Body {
  readonly model?: string
  readonly messages?: readonly { readonly content?: string }[]
}

const described = (name: string) => ({
  name,
  model: name,
  modified_at: '2026-01-01T00:00:00Z',
  size: 1,
  digest: Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64),
  details: { format: 'simulated', family: 'simulated', families: [], parameter_size: '0', quantization_level: '0' },
})

function json(res: ServerResponse, value: unknown, status = 200): void {
  res.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' }).end(JSON.stringify(value))
}

/** Sends the answer token by token, in the API of the caller. */
async function stream(res: ServerResponse, ask: Ask): Promise<void> {
  const { model, speaks, answer } = ask
  const isNative = speaks === 'ollama'
  res.writeHead(200, { 'Content-Type': isNative ? 'application/x-ndjson' : 'text/event-stream' })
  for (const content of tokensOf(answer)) {
    await wait(TOKEN_MS)
    if (res.destroyed) return
    res.write(isNative ? nativeRecord(model, content, false) : event(model, { content }, null))
  }
  res.end(isNative ? nativeRecord(model, '', true) : `${event(model, {}, 'stop')}data: [DONE]\n\n`)
}

function nativeRecord(model: string, content: string, done: boolean): string {
  const created_at = new Date().toISOString()
  const end = done
    ? { done_reason: 'stop', total_duration: 1, load_duration: 1, prompt_eval_count: 1, eval_count: 1 }
    : {}
  return `${JSON.stringify({ model, created_at, message: { role: 'assistant', content }, done, ...end })}\n`
}

function event(model: string, delta: { content?: string }, finish_reason: string | null): string {
  const choices = [{ index: 0, delta: { role: 'assistant', ...delta }, finish_reason }]
  return `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 0, model, choices })}\n\n`
}
