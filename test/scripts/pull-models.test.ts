// scripts/pull-models.sh, run by a shell against a scripted target.

import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { type Ended, run } from '../cli/command-line.ts'
import { breaksWith, cut, FakeOllama, fails, raw } from '../fake-ollama.ts'

const SCRIPT = resolve(import.meta.dirname, '../../scripts/pull-models.sh')

const sh = (...args: string[]): Promise<Ended> => run([SCRIPT, ...args], { executable: 'sh' })

/** Runs the script against the fake, which has these models after its first pull. */
async function shPulling(fake: FakeOllama, after: readonly string[], ...args: string[]): Promise<Ended> {
  fake.on('/api/pull', { gate: 'pull' }).hold('pull')
  const ended = sh('--target', fake.url, '--system', 'linux', ...args)
  await fake.waiting('pull')
  fake.models = after
  fake.release('pull')
  return ended
}

const pulls = (fake: FakeOllama): string[] => fake.requests('/api/pull').map(({ body }) => body.toString())

describe('pull-models.sh', () => {
  it('pulls missing models, leaves the others, and prints the settings', async () => {
    await using fake = await FakeOllama.start({ models: ['tiny-a:latest'] })
    const { code, stdout, stderr } = await shPulling(fake, ['tiny-a:latest', 'tiny-b:4b'], 'tiny-a', 'tiny-b:4b')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(pulls(fake)).toEqual(['{"model":"tiny-b:4b"}'])
    expect(stdout).toContain('tiny-a: present\ntiny-b:4b: pulling\n  pulling manifest\n  success\ntiny-b:4b: pulled\n')
    expect(stdout).toContain('Environment="OLLAMA_MAX_LOADED_MODELS=2"')
    expect(stdout).not.toContain('launchctl')
  })

  it('pulls nothing if every model is present', async () => {
    await using fake = await FakeOllama.start()
    expect(await sh('--target', `${fake.url}/`, 'tiny-a', 'tiny-b:latest')).toMatchObject({ code: 0, stderr: '' })
    expect(pulls(fake)).toEqual([])
  })

  it('only reports missing models with --check', async () => {
    await using fake = await FakeOllama.start({ models: ['nomic-embed-text:latest', 'qwen3:8b'] })
    const { code, stderr } = await sh('--check', '--target', fake.url)
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'pull-models: missing on the target: qwen3:14b qwen3:30b\n' })
    expect(pulls(fake)).toEqual([])
  })

  it('reports an error record in a 200 stream and continues with the next model', async () => {
    await using fake = await FakeOllama.start({ models: [] })
    const error = 'pull model manifest: file does not exist'
    fake.on('/api/pull', breaksWith(error), fails(500, 'the "registry" is away'))
    const { code, stdout, stderr } = await sh('--target', fake.url, 'nope', 'other')
    expect(code).toBe(1)
    expect(stderr).toContain(`nope: the target could not pull it: ${error}\n`)
    expect(stderr).toContain('other: the target could not pull it: the \\"registry\\" is away\n')
    expect(stderr).toContain('missing on the target: nope other\n')
    expect(stdout).not.toContain(': pulled')
  })

  it('exits with 4 if the disk of the target is full', async () => {
    await using fake = await FakeOllama.start({ models: [] })
    fake.on('/api/pull', breaksWith('write /models/blobs/sha256-1-partial: no space left on device'))
    const { code, stderr } = await sh('--target', fake.url, 'big', 'other')
    expect(code).toBe(4)
    expect(stderr).toContain('no space left on device')
    expect(stderr).toContain('the disk of the target is full')
    expect(pulls(fake)).toHaveLength(1)
  })

  it('does not count a stream without success as a pull', async () => {
    await using fake = await FakeOllama.start({ models: [] })
    fake.on('/api/pull', { ending: 'unmarked', after: 1 }, cut('fin', 1))
    const { code, stdout, stderr } = await sh('--target', fake.url, 'one', 'two')
    expect(code).toBe(1)
    expect(stderr).toContain("one: the target's answer ended before the pull was complete")
    expect(stderr).toContain('two: the pull was interrupted: the connection was closed early')
    expect(stdout).not.toContain(': pulled')
  })

  it('prints each tenth of a layer once', async () => {
    await using fake = await FakeOllama.start({ models: [] })
    const layer = (completed: number): string =>
      `{"status":"pulling abc","digest":"sha256:abc","total":9000000000,"completed":${completed}}\n`
    const records = `${layer(0)}${layer(10)}${layer(4_600_000_000)}${layer(4_700_000_000)}{"status":"success"}\n`
    fake.on('/api/pull', raw(`HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${records}`))
    const { stdout } = await sh('--target', fake.url, 'big')
    expect(stdout).toContain('big: pulling\n  pulling abc\n  pulling abc: 50 %\n  success\n')
  })

  it('exits with 3 if the target is unreachable or not Ollama', async () => {
    await using fake = await FakeOllama.start()
    fake.always('/api/version', { status: 200, body: '<html></html>' })
    const other = await sh('--target', fake.url)
    expect(other).toMatchObject({ code: 3, stderr: expect.stringContaining('is not Ollama') })
    await fake.down()
    const gone = await sh('--target', fake.url)
    expect(gone).toMatchObject({ code: 3, stderr: expect.stringContaining(`the target ${fake.url} does not answer`) })
  })

  it('exits with 2 and the allowed values for an invalid argument', async () => {
    const wrong: readonly (readonly [args: readonly string[], says: string])[] = [
      [[], 'no target: give --target URL or set FOREMAN_OLLAMA_URL'],
      [['--target', 'mac.local'], 'it must begin with http:// or https://'],
      [['--target'], '--target needs a value'],
      [['--system', 'beos'], 'allowed are linux, macos, windows and all'],
      [['a"b'], 'invalid model name: "a"b"'],
      [['--force'], 'unknown option: --force'],
    ]
    for (const [args, says] of wrong)
      expect(await sh(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(says) })
  })

  it('prints the models and the settings without a target', async () => {
    expect((await sh('--list')).stdout).toBe('nomic-embed-text\nqwen3:14b\nqwen3:30b\n')
    expect((await sh('--list', 'tiny-a')).stdout).toBe('tiny-a\n')
    const { stdout } = await sh('--settings')
    for (const text of ['sudo systemctl edit', 'launchctl setenv', 'setx OLLAMA_HOST']) expect(stdout).toContain(text)
  })

  const hasShellcheck = spawnSync('shellcheck', ['--version']).status === 0
  test.skipIf(!hasShellcheck)('passes shellcheck', () => {
    const { status, stdout } = spawnSync('shellcheck', [SCRIPT], { encoding: 'utf8' })
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
  })
})
