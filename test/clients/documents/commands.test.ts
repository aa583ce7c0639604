// Every shell block of the documents without a marker, run by bash in a copy of the checkout, with a running foreman and a
// scripted target. Only addresses and ids that a document cannot know are replaced.

import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { allShellBlocks, ROOT, type ShellBlock } from '../../docs/shell-blocks.ts'
import { FakeOllama } from '../../fake-ollama.ts'
import { exchange, post } from '../../ollama/exchange.ts'
import { type Foreman, startForeman } from '../../ollama/foreman.ts'
import { cleanEnvironment, startProgram } from '../../ollama/program.ts'

const NODE = join(ROOT, 'node_modules/.bin/node')
/** Limit for a command; a longer one counts as hung. */
const DEADLINE_MS = 170_000

/** Files that a block expects, by its document. */
const BEFORE: Readonly<Record<string, string>> = {
  'docs/upgrade.md': 'cd "$(mktemp -d)"; touch foreman.db foreman.db-wal foreman.db-shm foreman.db.before-9',
  'docs/command-line.md': 'mkdir -p ~/.config/fish/completions ~/zsh; fpath=(x ~/zsh)',
}

/** The daemon's command does not end, so its block is stopped after this output. */
const SERVES = /npm start\n/

const NPM = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'npm'))
  .find(existsSync)

const PROGRAMS: Readonly<Record<string, string>> = {
  foreman: `exec ${NODE} ${join(ROOT, 'src/cli/main.ts')} "$@"`,
  // Both are what CI does with the whole checkout.
  npm: `case "$1" in ci | test) exit 0 ;; run) case "$2" in check | test:proof) exit 0 ;; esac ;; esac; exec ${NPM} "$@"`,
}

interface Sandbox {
  readonly folder: string
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
}

/** A copy of the checkout, with a separate HOME and PATH. */
function makeSandbox(settings: Readonly<Record<string, string>>): Sandbox {
  const folder = mkdtempSync(join(tmpdir(), 'foreman-documents-'))
  const [cwd, bin, home] = [join(folder, 'checkout'), join(folder, 'bin'), join(folder, 'home')]
  for (const path of [cwd, bin, home]) mkdirSync(path)
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0')
  for (const file of files) if (file !== '' && existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(cwd, file))
  symlinkSync(join(ROOT, 'node_modules'), join(cwd, 'node_modules'))
  symlinkSync(cwd, join(home, 'foreman'))
  execFileSync('git', ['-c', 'init.defaultBranch=main', 'init', '--quiet'], { cwd })
  execFileSync('git', ['add', 'README.md'], { cwd })
  writeFileSync(join(cwd, 'README.md'), 'changed\n')
  for (const [name, script] of Object.entries(PROGRAMS)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const path = `${bin}${delimiter}${join(ROOT, 'node_modules/.bin')}${delimiter}${process.env['PATH']}`
  return { folder, cwd, env: cleanEnvironment({ HOME: home, PATH: path, TERM: 'xterm', NO_COLOR: '1', ...settings }) }
}

describe('the shell blocks of the documents', () => {
  let fake: FakeOllama
  let foreman: Foreman
  let sandbox: Sandbox
  let job = ''

  beforeAll(async () => {
    fake = await FakeOllama.start({ models: ['llama3.2:latest', 'qwen3:14b', 'tiny-embed'] })
    foreman = await startForeman(fake.url)
    sandbox = makeSandbox({
      FOREMAN_URL: foreman.url,
      FOREMAN_OLLAMA_URL: fake.url,
      FOREMAN_ADDR: '127.0.0.1:0',
    })
    const call = { model: 'llama3.2', messages: [{ role: 'user', content: 'hi' }] }
    const { body } = await exchange(foreman.url, post('/jobs', call))
    job = (JSON.parse(body.toString()) as { readonly job_id: string }).job_id
  })

  afterAll(async () => {
    await foreman?.stop()
    await fake?.stop()
    if (sandbox !== undefined) rmSync(sandbox.folder, { recursive: true, force: true })
  })

  function commandsOf({ document, text }: ShellBlock): string {
    const commands = text
      .replaceAll('http://127.0.0.1:8080', foreman.url)
      .replaceAll('http://localhost:11434', fake.url)
      .replaceAll('01M7…', job)
      // It runs until a key is pressed.
      .replaceAll(/^foreman top\b/gm, "printf q | script -qec 'stty rows 40 cols 100; foreman top' /dev/null")
    return `set -eu -o pipefail\n${BEFORE[document] ?? ''}\n${commands}`
  }

  const blocks = allShellBlocks().filter(({ marker }) => marker.kind === 'run')

  it.for(blocks.map((block) => [block.place, block] as const))('are valid: %s', async ([, block]) => {
    const { folder, env } = sandbox
    const serves = SERVES.test(block.text)
    // The build refuses linked node_modules, so builds run in the checkout itself first.
    const cwd = serves ? ROOT : sandbox.cwd
    const program = startProgram('bash', ['-c', commandsOf(block)], {
      env: { ...env, FOREMAN_DB: join(folder, 'documents.db') },
      cwd,
    })
    const late = setTimeout(() => void program.kill(), DEADLINE_MS)
    try {
      if (serves) return void (await program.says(/foreman is listening/, DEADLINE_MS))
      const code = await program.ended
      expect(`${code}\n${code === 0 ? '' : program.said}`).toBe('0\n')
    } finally {
      clearTimeout(late)
      await program.stop()
    }
  })
})
