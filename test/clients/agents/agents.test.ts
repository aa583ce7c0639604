// Claude Code and Codex, installed as by their users, send one prompt each to the real Ollama through foreman. Only loopback
// is reachable. Opt-in because of their size: FOREMAN_AGENTS=1.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { JobListDocument, JobSummary } from '../../../src/protocol/wire.ts'
import { exchange, post } from '../../ollama/exchange.ts'
import { type Foreman, startForeman, until } from '../../ollama/foreman.ts'
import { type Program, startProgram } from '../../ollama/program.ts'
import { CACHE, describeWithOllama, FIRST_START_MS, type RealOllama, startOllama } from '../../ollama/real-ollama.ts'
import { Tap } from '../conformance/tap.ts'
import { installAgents } from './installation.ts'
import { type RefusingProxy, startRefusingProxy } from './refusing-proxy.ts'

const isWanted = process.env['FOREMAN_AGENTS'] === '1'

if (!isWanted)
  process.stderr.write(
    '\nSKIPPED, NOT PASSED: Claude Code and Codex were not tried. Set FOREMAN_AGENTS=1 to try them.\n\n',
  )

const MODEL = 'tiny-agent:latest'

/**
 * Stop sequences: random weights never end an answer, and Claude Code repeats a request whose answer was cut at its limit.
 * These occur after some words, and never before the first letter.
 */
const STOPS = [...'etdny'].flatMap((last) => [...'wtsb'].map((first) => `${last} ${first}`))

/** Limit for a prompt, which has tens of thousands of characters. */
const MAX_SHOWN_CHARS = 60_000

const words = (text: string): string => text.trim().replace(/\s+/g, ' ')

/** The text in a stream of Anthropic's or of OpenAI's Responses. */
function saidIn(body: string): string {
  const events = [...body.matchAll(/^data: (\{.*\})\r?$/gm)].map(([, json = '']) => JSON.parse(json) as StreamEvent)
  return events.map(({ delta }) => (typeof delta === 'string' ? delta : (delta?.text ?? ''))).join('')
}

interface StreamEvent {
  readonly delta?: string | { readonly text?: string }
}

;(isWanted ? describeWithOllama : describe.skip)('a coding agent', () => {
  let commands: string
  let ollama: RealOllama
  let tap: Tap
  let foreman: Foreman
  let proxy: RefusingProxy
  let home: string
  let agent: Program | null = null

  beforeAll(async () => {
    commands = await installAgents()
    // Separate models: the other suites compare lists of models.
    ollama = await startOllama({ OLLAMA_MODELS: join(CACHE, 'agent-models') })
    const parameters = { num_ctx: 2048, num_thread: 1, stop: STOPS }
    const made = await exchange(
      ollama.url,
      post('/api/create', { model: MODEL, from: 'tiny-a', parameters, stream: false }),
    )
    expect(made.status, made.body.toString()).toBe(200)
  }, 2 * FIRST_START_MS)

  afterAll(() => ollama?.stop())

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'foreman-home-'))
    proxy = await startRefusingProxy()
    tap = await Tap.start(ollama.url)
    foreman = await startForeman(tap.url)
  })

  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') process.stderr.write(await everythingSeen())
    await agent?.kill()
    agent = null
    await foreman?.stop()
    await tap?.stop()
    await proxy?.stop()
    // A process that an agent left running may still write there while it is removed.
    await rm(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  })

  /** Runs it to its end. Its environment has only the PATH of this machine's user. */
  async function run(command: string, args: readonly string[], settings: Readonly<Record<string, string>>) {
    const path = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`
    const env = { HOME: home, PATH: path, ...proxy.env, ...settings }
    agent = startProgram(join(commands, command), args, { env, cwd: home })
    const tooLong = setTimeout(() => void agent?.kill(), 120_000)
    const code = await agent.ended
    clearTimeout(tooLong)
    expect(code, agent.said).toBe(0)
    return agent.printed.out
  }

  /** Details of a failure, which is hard to repeat: Codex passed 61 times in a row after one failure. */
  async function everythingSeen(): Promise<string> {
    const listed = fetch(`${foreman.url}/jobs`, { signal: AbortSignal.timeout(30_000) })
    const list = listed.then((answer) => answer.text()).catch(String)
    const parts = {
      'the agent printed': agent?.printed.out,
      'the agent told': agent?.printed.error,
      'the agent ended with': `${agent?.process.exitCode} ${agent?.process.signalCode}`,
      'it asked the proxy for': proxy.asked.join('\n'),
      "foreman's jobs": await list,
      'foreman logged': foreman.log,
      'the target was asked': tap.asked.slice(0, MAX_SHOWN_CHARS),
      'the target answered': JSON.stringify(tap.answers, null, 1),
      'Ollama logged last': ollama.log.slice(-MAX_SHOWN_CHARS),
    }
    return Object.entries(parts)
      .map(([what, text]) => `\n--- ${what}:\n${text}\n`)
      .join('')
  }

  /** Resolves with the jobs that it created, when all have ended. */
  async function jobs(): Promise<readonly JobSummary[]> {
    // Both sides import the type of the document.
    const list = async () => (await (await fetch(`${foreman.url}/jobs`)).json()) as JobListDocument
    const over = await until('the jobs are over', list, (seen) => seen.jobs.every((job) => job.finished_at !== null))
    return over.jobs
  }

  /** Checks that every job went to this endpoint and is done, and that the output is the whole answer of one of them. */
  async function expectAnswer(printed: string, endpoint: string): Promise<void> {
    const made = await jobs()
    expect(made).not.toEqual([])
    for (const job of made)
      expect(job, JSON.stringify(made)).toMatchObject({ endpoint, model: MODEL, state: 'done', attempt: 1 })
    expect(words(printed)).not.toBe('')
    expect(tap.answers.map(({ body }) => words(saidIn(body)))).toContain(words(printed))
  }

  test('Claude Code prints what the queue lets through to /v1/messages, and uses no other endpoint', async () => {
    const printed = await run('claude', ['-p', 'say hi', '--model', MODEL], {
      ANTHROPIC_BASE_URL: foreman.url,
      ANTHROPIC_AUTH_TOKEN: 'any',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_AUTOUPDATER: '1',
    })
    await expectAnswer(printed, '/v1/messages')
    expect(proxy.asked).toEqual([])
  })

  test('Codex prints what the queue lets through to /v1/responses, and uses no other endpoint', async () => {
    const folder = join(home, '.codex')
    await mkdir(folder)
    await writeFile(
      join(folder, 'config.toml'),
      `model = "${MODEL}"
model_provider = "foreman"
check_for_update_on_startup = false

[analytics]
enabled = false

# With them it asks github.com and chatgpt.com for lists (0.169.0), and goes on without an answer.
[features]
plugins = false

[model_providers.foreman]
name = "foreman"
base_url = "${foreman.url}/v1"
wire_api = "responses"
`,
    )
    const printed = await run('codex', ['exec', '--skip-git-repo-check', 'say hi'], { CODEX_HOME: folder })
    await expectAnswer(printed, '/v1/responses')
    expect(proxy.asked).toEqual([])
  })
})
