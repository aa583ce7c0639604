// The unchanged `ollama` command line with OLLAMA_HOST pointing at foreman: the same output as with Ollama.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isSince } from '../../src/daemon/domain/ollama-version.ts'
import { exchange, post } from './exchange.ts'
import { type Foreman, startForeman, until } from './foreman.ts'
import { cleanEnvironment, type Program, startProgram } from './program.ts'
import { describeWithOllama, FIRST_START_MS, ollamaBinary, type RealOllama, startOllama } from './real-ollama.ts'
import { CERTAIN, dropCertain, makeCertain } from './same-question.ts'

interface Said {
  readonly code: number | null
  readonly text: string
  readonly error: string
}

/** Cursor movements, and the spinner that they overwrite. */
const TERMINAL = new RegExp(`${String.fromCharCode(0x1b)}\\[[0-9;?]*[A-Za-z]|[⠀-⣿]`, 'g')

const COMMANDS: readonly (readonly [command: string, code: number])[] = [
  ['-v', 0],
  ['ls', 0],
  ['list tiny-a', 0],
  ['show tiny-a', 0],
  ['show tiny-a --modelfile', 0],
  ['show tiny-a --template', 0],
  ['show tiny-embed -v', 0],
  ['show nope', 1],
  [`run ${CERTAIN} hello`, 0],
  [`run ${CERTAIN} hello --format json`, 0],
  [`run ${CERTAIN} hello --keepalive 10m`, 0],
  [`run ${CERTAIN} hello --think`, 1],
  ['run tiny-embed hello', 0],
  [`stop ${CERTAIN}`, 0],
  ['stop nope', 1],
]

/** The age of a model changes, and with it the width of the column. */
const ageless = (text: string): string =>
  text.replaceAll(/ {2,}(\S+ )+ago *$/gm, '    <age>').replace(/MODIFIED *$/m, 'MODIFIED')

const MANAGEMENT = ['pull tiny-a', 'cp tiny-a tiny-d', 'rm tiny-a', 'run nope hello'] as const

describeWithOllama('the command line', () => {
  let ollama: RealOllama
  let foreman: Foreman
  let binary: string
  let home: string

  beforeAll(async () => {
    ollama = await startOllama()
    await makeCertain(ollama.url)
    // No heartbeat begins an answer before Ollama's own, even on a busy machine.
    foreman = await startForeman(ollama.url, { FOREMAN_HEARTBEAT: '0', FOREMAN_POLL_INTERVAL: '500ms' })
    binary = await ollamaBinary()
    home = await mkdtemp(join(tmpdir(), 'foreman-home-'))
  }, FIRST_START_MS)

  afterAll(async () => {
    await foreman?.stop()
    if (ollama !== undefined) await dropCertain(ollama.url)
    await ollama?.stop()
    if (home !== undefined) await rm(home, { recursive: true, force: true })
  })

  const start = (base: string, command: string): Program =>
    startProgram(binary, command.split(' '), { env: cleanEnvironment({ OLLAMA_HOST: base, HOME: home }) })

  async function say(base: string, command: string): Promise<Said> {
    const program = start(base, command)
    const code = await program.ended
    const { out, error } = program.printed
    // Ollama takes a model's parameters from a Go map, so their order varies.
    const lines = out.split('\n').map((line) => line.trimEnd())
    const text = command.startsWith('show') ? lines.sort().join('\n') : ageless(out)
    return { code, text, error: error.replaceAll(TERMINAL, '').trim() }
  }

  test.for(COMMANDS)('"ollama %s" prints the same through foreman', async ([command, code]) => {
    const direct = await say(ollama.url, command)
    expect(direct.code, direct.error).toBe(code)
    expect(await say(foreman.url, command)).toEqual(direct)
  })

  test('"ollama ps" shows what is loaded', async () => {
    await exchange(foreman.url, post('/api/chat', { model: 'tiny-b' }))
    // The remaining time of the model varies.
    const loaded = async (base: string) => (await say(base, 'ps')).text.replaceAll(/\S+ (minutes|hours) from now/g, '')
    const direct = await loaded(ollama.url)
    expect(direct).toContain('tiny-b:latest')
    await until(
      'foreman shows the same',
      () => loaded(foreman.url),
      (seen) => seen === direct,
    )
  })

  test.for(MANAGEMENT)('"ollama %s" is refused with a plain sentence', async (command) => {
    const said = await say(foreman.url, command)
    expect(said.code).toBe(1)
    expect(said.error).toMatch(/^Error: .*managing models through foreman is switched off/)
  })

  test('"ollama push" is refused, by the account since Ollama 0.30 and by foreman before', async () => {
    const said = await say(foreman.url, 'push tiny-a')
    expect(said.code).toBe(1)
    const asksAccount = isSince(ollama.version, '0.30.0')
    expect(said.error).toMatch(asksAccount ? /^Error: account unavailable/ : /managing models through foreman/)
  })

  test('an interrupted "ollama run" leaves the target free', async () => {
    // Created here, not earlier: the order of models that were created within one second varies.
    const parameters = { num_predict: 1_000_000, frequency_penalty: 2, num_ctx: 2048, num_thread: 1 }
    const model = 'tiny-endless'
    const make = post('/api/create', { model, from: 'tiny-slow', parameters, stream: false })
    expect(await exchange(ollama.url, make)).toMatchObject({ status: 200 })
    try {
      const program = start(foreman.url, `run ${model} hello`)
      await foreman.shows('it at work', ({ running }) => running?.model === model)
      program.process.kill('SIGINT')
      await program.ended
      await foreman.shows('nothing at work', ({ running, queue }) => running === null && queue.waiting === 0)
    } finally {
      await exchange(ollama.url, { ...post('/api/delete', { model }), method: 'DELETE' })
    }
  })
})
