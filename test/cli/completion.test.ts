import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Command, emptyDirectory } from './command-line.ts'
import { runHere } from './here.ts'
import { document, ID, jobDaemon, json } from './job-daemon.ts'
import { deadUrl } from './stand-in.ts'

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')
const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0

async function daemonWithNames() {
  const daemon = await jobDaemon()
  const names = ['qwen3:14b', 'qwen3:30b', 'evil\u001b[31m', 'two words', 'tiny-a:latest']
  daemon.answers.set('GET /api/tags', (_req, res) => json(res, 200, { models: names.map((name) => ({ name })) }))
  daemon.answers.set('GET /jobs', (_req, res) => json(res, 200, { jobs: [document('done')], next: null }))
  return daemon
}

/** The completions for these words, the last of which is being typed. */
async function offered(words: readonly string[], url: string): Promise<string[]> {
  const { stdout } = await runHere(['complete', '--', ...words], { env: { FOREMAN_URL: url } })
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[0] ?? '')
}

/** A TAB waits one second for the daemon. A busy machine may be slower, so it is pressed again. */
async function pressed(tab: () => Promise<string[]>, wanted: readonly string[]): Promise<string[]> {
  let shown = await tab()
  for (let more = 4; more > 0 && !isDeepStrictEqual(shown, wanted); more--) shown = await tab()
  return shown
}

describe('shell completion', () => {
  it.each<[string[], string[]]>([
    [['ser'], ['serve']],
    [['co'], ['config', 'completion']],
    [
      ['jobs', ''],
      ['list', 'get', 'watch', 'cancel', 'retry', 'rm', 'artifact', 'help'],
    ],
    [['jobs', '--st'], ['--state']],
    [['jobs', '--state', 'd'], ['done']],
    [['jobs', 'list', '--state=f'], ['--state=failed']],
    [['jobs', 'cancel', ''], [ID]],
    [['jobs', 'cancel', ID, '01'], [ID]],
    [['jobs', 'artifact', ID, 'r'], ['response']],
    [
      ['submit', 'qwen3:'],
      ['qwen3:14b', 'qwen3:30b'],
    ],
    [
      ['submit', ''],
      ['qwen3:14b', 'qwen3:30b', 'tiny-a:latest'],
    ],
    [['submit', 'tiny-a', ''], []],
    [['submit', 'tiny-a', '--think', 'h'], ['high']],
    [['submit', 'tiny-a', '--file', ''], [':file']],
    [['submit', '--detach', 'ti'], ['tiny-a:latest']],
    [['submit', '--label', 'x', 'ti'], ['tiny-a:latest']],
    [['submit', '--', '--'], []],
    [['submit', '--webhook-events', 'd'], ['done']],
    [['submit', '--endpoint', '/v1'], ['/v1/chat/completions']],
    [['serve', '--log-level=f'], ['--log-level=fatal']],
    [['config', '--db', ''], [':file']],
    [['serve', '--ollama-u'], ['--ollama-url']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['nonsense', ''], []],
    [[], ['serve']],
  ])('of %j: %j', async (words, values) => {
    const { url } = await daemonWithNames()
    const shown = async () => {
      const all = await offered(words, url)
      return words.length === 0 ? all.slice(0, 1) : all
    }
    expect(await pressed(shown, values)).toEqual(values)
  })

  it('offers only local names if the daemon does not answer', async () => {
    const url = await deadUrl()
    expect(await offered(['submit', ''], url)).toEqual([])
    expect(await offered(['jo'], url)).toEqual(['jobs'])
  })

  it('never offers hidden commands', async () => {
    expect(await offered([''], await deadUrl())).not.toContain('complete')
    expect((await runHere(['--help'])).stdout).not.toMatch(/^ {2}complete\b/m)
  })
})

/** Runs a script of `shell` in a folder where `foreman` is this working copy and `completion` the shell's script; its lines. */
async function inShell(shell: string, script: string): Promise<string[]> {
  const { url } = await daemonWithNames()
  const { stdout: completion } = await runHere(['completion', shell])
  const cwd = emptyDirectory({
    completion,
    foreman: `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`,
    'other.txt': '',
  })
  chmodSync(join(cwd, 'foreman'), 0o755)
  const env = { PATH: `${cwd}:${process.env['PATH'] ?? ''}`, HOME: cwd, FOREMAN_URL: url }
  const { stdout, stderr } = await new Command(['-c', script], { cwd, env, executable: shell }).ended
  expect(stderr).toBe('')
  return stdout.split('\n')
}

describe.skipIf(!has('bash'))('in bash', () => {
  it.each([
    ['foreman jobs wa', ['watch']],
    ['foreman submit --deta', ['--detach']],
    // bash inserts these after the colon that is already there.
    ['foreman submit qwen3:', ['14b', '30b']],
    ['foreman jobs list --state=f', ['failed']],
    ['foreman submit tiny-a --file o', ['other.txt']],
    ['foreman jobs artifact x ', ['completion', 'response']],
  ])('completes %s', async (line, values) => {
    const typed = `COMP_LINE='${line}'; COMP_POINT=\${#COMP_LINE}; _foreman foreman`
    const script = `source ./completion; ${typed}; printf '%s\\n' "\${COMPREPLY[@]}"; complete -p foreman`
    const wanted = [...values, 'complete -F _foreman foreman', '']
    expect(await pressed(() => inShell('bash', script), wanted)).toEqual(wanted)
  })
})

describe.skipIf(!has('zsh'))('in zsh (skipped where it is missing)', () => {
  it('has a valid script', async () => {
    const { stdout } = await runHere(['completion', 'zsh'])
    const { status } = spawnSync('zsh', ['-n'], { input: stdout })
    expect(status).toBe(0)
  })
})

describe.skipIf(!has('fish'))('in fish (skipped where it is missing)', () => {
  it('completes commands and models', async () => {
    const script = "source ./completion; complete -C 'foreman jobs wa'; complete -C 'foreman submit qwen3:'"
    const values = async () => (await inShell('fish', script)).map((line) => line.split('\t')[0] ?? '')
    const wanted = ['watch', 'qwen3:14b', 'qwen3:30b', '']
    expect(await pressed(values, wanted)).toEqual(wanted)
  })
})

it('an unknown shell is a usage error', async () => {
  expect(await runHere(['completion', 'tcsh'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('bash, zsh, fish'),
  })
})
