// The troubles of docs/deploy.md: each heading that quotes foreman is compared with what foreman says.

import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { FakeOllama } from '../fake-ollama.ts'
import { temporaryFolder } from '../harness.ts'
import { exchange, post } from '../ollama/exchange.ts'
import { type Foreman, startForeman } from '../ollama/foreman.ts'
import { cleanEnvironment, startProgram } from '../ollama/program.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const MAIN = join(ROOT, 'src/cli/main.ts')
const CHAT = { model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }] }

interface Trouble {
  /** The code that the section names. */
  readonly code: string
  readonly said: string
}

/** Runs `foreman serve`, which must refuse to start. */
async function refusedStart(settings: Readonly<Record<string, string>>): Promise<Trouble> {
  const cwd = await temporaryFolder()
  const env = cleanEnvironment({ FOREMAN_DB: join(cwd, 'foreman.db'), FOREMAN_LOG_FORMAT: 'json', ...settings })
  const program = startProgram(process.execPath, [MAIN, 'serve'], { env, cwd })
  onTestFinished(() => program.stop())
  return { code: `Exit code ${await program.ended}`, said: program.said }
}

/** One running foreman for all refusals. Its queue holds one job. */
let foreman: Foreman
let folder = ''
let database = ''
let fake: FakeOllama

async function answered(
  { url }: Foreman,
  path: string,
  body: object | null,
  headers: Readonly<Record<string, string>> = {},
): Promise<Trouble> {
  const call = body === null ? { method: 'GET', path } : post(path, body)
  const { status, body: answer } = await exchange(url, { ...call, headers: { ...call.headers, ...headers } })
  const { error } = JSON.parse(answer.toString()) as { readonly error: string }
  return { code: `Status ${status}`, said: error }
}

const BUSY = 'server busy, please try again.  maximum pending requests exceeded'

const TROUBLES: Readonly<Record<string, () => Promise<Trouble>>> = {
  'FOREMAN_OLLAMA_URL is required, …': () => refusedStart({}),
  'FOREMAN_OLLAMA_URL=… has no scheme…': () => refusedStart({ FOREMAN_OLLAMA_URL: 'localhost:11434' }),
  '… (FOREMAN_ADDR) is taken by another program': () =>
    refusedStart({ FOREMAN_OLLAMA_URL: 'http://127.0.0.1:1', FOREMAN_ADDR: new URL(foreman.url).host }),
  '… is in use by another foreman; stop that one first, or give this one a FOREMAN_DB of its own': () =>
    refusedStart({
      ...{ FOREMAN_OLLAMA_URL: 'http://127.0.0.1:1', FOREMAN_ADDR: '127.0.0.1:0' },
      FOREMAN_DB: database,
    }),
  'the target does not answer; jobs wait, inventory is the last one known': async () => {
    const cwd = await temporaryFolder()
    const env = cleanEnvironment({
      ...{ FOREMAN_OLLAMA_URL: 'http://127.0.0.1:1', FOREMAN_ADDR: '127.0.0.1:0', FOREMAN_LOG_FORMAT: 'json' },
      FOREMAN_DB: join(cwd, 'foreman.db'),
    })
    const program = startProgram(process.execPath, [MAIN, 'serve'], { env, cwd })
    onTestFinished(() => program.stop())
    const [said] = await program.says(/"level":"warn".*does not answer.*/, 60_000)
    return { code: 'A warning', said }
  },
  'host … is not allowed; add it to FOREMAN_HOSTS': async () =>
    answered(foreman, '/api/tags', null, { Host: 'nas.example' }),
  'origin … is not allowed; add it to FOREMAN_ORIGINS': async () =>
    answered(foreman, '/api/tags', null, { Origin: 'https://page.example' }),
  'unauthorized: the token is missing or wrong': async () => {
    const locked = await startForeman(fake.url, { FOREMAN_TOKEN: 'secret' })
    onTestFinished(() => locked.stop())
    return answered(locked, '/api/tags', null)
  },
  "model '…' not found": async () => answered(foreman, '/api/chat', { ...CHAT, model: 'nope' }),
  'managing models through foreman is switched off; …': async () => answered(foreman, '/api/pull', { model: 'tiny-a' }),
  [BUSY]: async () => {
    await exchange(foreman.url, post('/pause', {}))
    await exchange(foreman.url, post('/jobs', CHAT))
    return answered(foreman, '/api/chat', CHAT)
  },
}

/** Headings with the text below each. */
const sections = new Map(
  (readFileSync(join(ROOT, 'docs/deploy.md'), 'utf8').split('## Troubleshooting')[1] ?? '')
    .split('\n### ')
    .slice(1)
    .flatMap((section) => {
      const [, quoted] = /^`(.+)`\n/.exec(section) ?? []
      return quoted === undefined ? [] : [[quoted, section] as const]
    }),
)

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

describe('the troubleshooting table of docs/deploy.md', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'foreman-troubles-'))
    database = join(folder, 'foreman.db')
    fake = await FakeOllama.start()
    foreman = await startForeman(fake.url, { FOREMAN_DB: database, FOREMAN_MAX_QUEUE: '1' })
  }, 120_000)

  afterAll(async () => {
    await foreman?.stop()
    await fake?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  it('has the cases of this test', () => {
    expect([...sections.keys()].sort()).toEqual(Object.keys(TROUBLES).sort())
  })

  it.for(Object.entries(TROUBLES))('is right about: %s', { timeout: 120_000 }, async ([quoted, bringAbout]) => {
    const { code, said } = await bringAbout()
    expect(said).toMatch(new RegExp(quoted.split('…').map(escaped).join('.+')))
    expect(sections.get(quoted)).toContain(code)
  })
})
