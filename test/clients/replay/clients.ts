// The requests of clients that can't be installed here, in the order in which each sends them, with the headers and the
// odd content types that it sends, and what it demands of the answers. Facts, by their sources; nothing here asks anybody.

import type { Call } from '../../ollama/exchange.ts'
import { HELLO, PIXEL, SAME_EACH_TIME, WEATHER_TOOL } from '../../ollama/requests/row.ts'
import * as demand from './demand.ts'

export interface Replayed {
  readonly client: string
  readonly what: string
  readonly call: Call
  readonly demands: readonly demand.Demand[]
  /** A model runs: it may have to wait. */
  readonly isQueued: boolean
}

type Headers = Readonly<Record<string, string>>
type Step = Omit<Replayed, 'client'>

const QUEUED = /^\/(api\/(chat|generate)|v1\/chat\/completions)$/

const get = (path: string, ...demands: demand.Demand[]): Step => ({
  ...{ what: `GET ${path}`, call: { method: 'GET', path }, demands, isQueued: false },
})

const post = (path: string, body: object, ...demands: demand.Demand[]): Step => ({
  ...{ what: `POST ${path}`, call: { method: 'POST', path, body: JSON.stringify(body) }, demands },
  isQueued: QUEUED.test(path),
})

const head = (path: string, ...demands: demand.Demand[]): Step => ({
  ...get(path, ...demands),
  ...{ what: `HEAD ${path}`, call: { method: 'HEAD', path } },
})

const options = (path: string, headers: Headers, ...demands: demand.Demand[]): Step => ({
  ...get(path, ...demands),
  ...{ what: `OPTIONS ${path}`, call: { method: 'OPTIONS', path, headers } },
})

/** All steps of a client with what it sends each time. */
function client(name: string, headers: Headers, ...steps: readonly Step[]): readonly Replayed[] {
  const contentType = (call: Call): Headers =>
    call.body === undefined || NO_CONTENT_TYPE.has(name) ? {} : { 'Content-Type': 'application/json' }
  return steps.map((step) => ({
    ...{ ...step, client: name },
    call: { ...step.call, headers: { ...contentType(step.call), ...headers, ...step.call.headers } },
  }))
}

/** They say nothing of what they send. */
const NO_CONTENT_TYPE = new Set(['Raycast'])

const model = 'tiny-a:latest'
const options6 = SAME_EACH_TIME
const say = (more: object = {}) => ({ model, messages: HELLO, options: options6, ...more })
const ask = { model, messages: HELLO, seed: 7, temperature: 0, max_tokens: 6 }

const OBSIDIAN = 'app://obsidian.md'
const EXTENSION = 'http://127.0.0.1'
const TAURI = 'tauri://localhost'

export const REPLAYED: readonly Replayed[] = [
  client(
    'Zed',
    { Authorization: 'Bearer none' },
    get('/api/tags', demand.strictTags),
    post('/api/show', { model }, demand.capableShow),
    post('/api/chat', say({ stream: true, keep_alive: -1, think: false, tools: [] }), demand.strictLines),
  ),
  client(
    'Raycast',
    { Authorization: `Basic ${Buffer.from('user:any').toString('base64')}` },
    get('/api/version', demand.versionOfNumbers),
    get('/api/tags', demand.strictTags),
    post('/api/show', { model }, demand.capableShow),
    get('/api/ps', demand.datedResidents),
    post('/api/chat', say({ stream: true }), demand.strictLines),
    post('/api/generate', { model, prompt: 'hello', options: options6, stream: false }, demand.generated),
    post('/api/embeddings', { model: 'tiny-embed', prompt: 'sky' }, demand.embeddedOnce),
  ),
  client(
    'Enchanted',
    { 'User-Agent': 'Enchanted/1 CFNetwork/1490 Darwin/23' },
    head('/', demand.isRunning),
    get('/', demand.isRunning),
    get('/api/tags', demand.strictTags),
    post('/api/chat', say({ messages: [{ ...HELLO[0], images: [] }] }), demand.strictLines),
  ),
  client(
    'Page Assist',
    // Its Origin is rewritten to the server's address, without the port.
    { Origin: EXTENSION },
    get('/', demand.isRunning, demand.readableBy(EXTENSION)),
    get('/api/tags', demand.strictTags, demand.readableBy(EXTENSION)),
    get('/api/version', demand.versionOfNumbers),
    post('/api/chat', say({ keep_alive: '5m' }), demand.strictLines, demand.readableBy(EXTENSION)),
    post('/api/embed', { model: 'tiny-embed', input: ['sky', 'sea'] }, demand.embedded),
  ),
  client(
    'Obsidian Copilot',
    { Origin: OBSIDIAN, Authorization: 'Bearer default-key' },
    options(
      '/api/chat',
      { 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization,content-type' },
      demand.preflight('authorization', 'content-type'),
    ),
    get('/v1/models', demand.openaiModels, demand.readableBy(OBSIDIAN)),
    post(
      '/api/chat',
      say({ stream: true, options: { ...options6, num_ctx: 131072 } }),
      ...[demand.strictLines, demand.readableBy(OBSIDIAN)],
    ),
    post('/api/embed', { model: 'tiny-embed', input: ['sky'], truncate: true }, demand.embedded),
  ),
  client(
    'Home Assistant',
    { 'User-Agent': 'ollama-python/0.6.3 (x86_64 linux) Python/3.13.9' },
    get('/api/tags', demand.strictTags),
    post(
      '/api/chat',
      say({
        stream: true,
        keep_alive: '-1s',
        think: false,
        tools: [WEATHER_TOOL],
        options: { ...options6, num_ctx: 8192 },
      }),
      demand.strictLines,
    ),
  ),
  client(
    'VS Code Copilot',
    { 'User-Agent': 'GitHubCopilotChat/0.30.0' },
    get('/api/version', demand.versionOfNumbers),
    get('/api/tags', demand.strictTags),
    post('/api/show', { model }, demand.capableShow),
    post(
      '/v1/chat/completions',
      { ...ask, stream: true, stream_options: { include_usage: true } },
      demand.openaiStream,
    ),
  ),
  client(
    'Continue',
    { Authorization: 'Bearer none' },
    post('/api/show', { name: model }, demand.capableShow),
    get('/api/tags', demand.strictTags),
    post('/api/chat', say({ stream: true, keep_alive: 1800 }), demand.strictLines),
    post(
      '/api/generate',
      { model, prompt: 'const a =', raw: true, options: options6, keep_alive: 1800, stream: false },
      demand.generated,
    ),
    post('/api/embed', { model: 'tiny-embed', input: ['sky', 'sea'] }, demand.embedded),
  ),
  client(
    'Cline',
    {},
    get('/api/tags', demand.strictTags),
    post('/api/chat', say({ stream: true, options: { ...options6, num_ctx: 4096 } }), demand.strictLines),
  ),
  client(
    'Roo Code',
    {},
    get('/api/tags', demand.strictTags),
    post('/api/show', { model: 'tiny-a' }, demand.capableShow),
    post('/api/show', { model: 'tiny-embed' }, demand.capableShow),
    post('/api/chat', say({ stream: true }), demand.strictLines),
  ),
  client(
    'Open WebUI',
    { 'User-Agent': 'Python/3.11 aiohttp/3.14', 'X-OpenWebUI-User-Name': 'somebody', 'X-OpenWebUI-Chat-Id': '1' },
    get('/api/version', demand.versionOfNumbers),
    get('/api/tags', demand.strictTags),
    get('/api/ps', demand.datedResidents),
    post('/api/chat', say({ stream: true }), demand.strictLines),
    post('/api/chat', say({ stream: false }), demand.wholeChat),
    post('/v1/chat/completions', { ...ask, stream: true }, demand.openaiStream),
    post('/api/generate', { model, keep_alive: 0, prompt: '' }, demand.generated),
  ),
  client(
    'n8n',
    { Authorization: 'Bearer none', Accept: 'application/json' },
    get('/api/tags', demand.strictTags),
    post('/api/chat', say({ stream: false }), demand.wholeChat),
  ),
  client(
    'Dify',
    { 'User-Agent': 'python-requests/2.32.3', 'Accept-Encoding': 'gzip, deflate' },
    // Saving a model runs it.
    post('/api/chat', say({ stream: false, options: { ...options6, num_predict: 5 } }), demand.wholeChat),
    post('/api/chat', say({ stream: true, messages: [{ ...HELLO[0], images: [PIXEL] }] }), demand.strictLines),
    post('/api/embed', { model: 'tiny-embed', input: ['sky'] }, demand.embedded),
  ),
  client(
    'AnythingLLM',
    {},
    get('/', demand.isRunning),
    get('/api/tags', demand.strictTags),
    post('/api/show', { model }, demand.capableShow),
    post(
      '/api/chat',
      say({ stream: true, keep_alive: 300, options: { ...options6, num_ctx: 4096 } }),
      demand.strictLines,
    ),
    post('/api/embed', { model: 'tiny-embed', input: ['sky'], options: { num_ctx: 512 } }, demand.embedded),
  ),
  client(
    'Jan',
    { Origin: TAURI, Authorization: 'Bearer none', 'x-api-key': 'none' },
    get('/v1/models', demand.openaiModels, demand.readableBy(TAURI)),
    post('/v1/chat/completions', { ...ask, stream: true }, demand.openaiStream, demand.readableBy(TAURI)),
    post('/v1/chat/completions', ask, demand.openaiWhole),
  ),
  client(
    'JetBrains AI',
    { 'User-Agent': 'ktor-client' },
    get('/', demand.isRunning),
    get('/api/version', demand.versionOfNumbers),
    get('/api/tags', demand.strictTags),
    post('/api/chat', say({ stream: true }), demand.strictLines),
  ),
  client(
    'Codex',
    { 'User-Agent': 'codex_cli_rs/0.169.0' },
    get('/v1/models', demand.openaiModels),
    get('/api/version', demand.versionOfNumbers),
    get('/api/tags', demand.lists('tiny-a:latest')),
  ),
].flat()
