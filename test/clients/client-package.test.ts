// The package foreman-client as a user gets it: packed, installed into an empty folder, and run on the lowest supported
// Node, on the bundled one, on Bun, and with only the globals of a browser.

import { execFile, execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildPackage } from '../../scripts/build-package.ts'
import { systemClock } from '../../src/daemon/runtime/clock.ts'
import { FakeOllama, fails } from '../fake-ollama.ts'
import { type Running, startForeman } from '../harness.ts'

const HERE = import.meta.dirname
const ROOT = resolve(HERE, '../..')
const OWN = join(HERE, 'client-package')
const SECRET = 'a secret of some length'
const run = promisify(execFile)

const folder = mkdtempSync(join(tmpdir(), 'foreman-client-'))
const installed = join(folder, 'node_modules', 'foreman-client')
let packed: string[] = []

beforeAll(async () => {
  const built = await buildPackage({ part: 'client' })
  const told = execFileSync('npm', ['pack', built, '--json', '--pack-destination', folder], { encoding: 'utf8' })
  const [pack] = JSON.parse(told) as [{ filename: string; files: { path: string }[] }]
  packed = pack.files.map(({ path }) => path)
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--offline', join(folder, pack.filename)], { cwd: folder })
  for (const name of ['use.mjs', 'consumer.ts', 'typed.ts']) copyFileSync(join(OWN, name), join(folder, name))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The real foreman with the real clock, in front of a target that never completes an answer. */
async function foremanFor(target: FakeOllama): Promise<Running> {
  target.always('/api/generate', fails(500, 'no such luck'))
  return startForeman(target, { clock: systemClock, config: { webhookSecrets: [new TextEncoder().encode(SECRET)] } })
}

describe('the package', () => {
  it('contains what it needs, has no dependencies, and has the version of the whole', () => {
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Record<string, unknown>
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
    expect(manifest).toMatchObject({ name: 'foreman-client', version, license: 'MIT', engines: { node: '>=22' } })
    expect(manifest).not.toHaveProperty('dependencies')
    expect(packed.filter((path) => !path.startsWith('types/')).sort()).toEqual([
      'LICENSE',
      'README.md',
      'index.js',
      'package.json',
    ])
    expect(readFileSync(join(installed, 'README.md'), 'utf8')).toContain('# foreman-client')
  })

  const RUNTIMES = [
    ['the lowest supported Node', join(HERE, 'node_modules', 'node', 'bin', 'node'), 'node 22.'],
    ['our Node', process.execPath, `node ${process.versions.node}`],
    ['Bun', join(HERE, 'node_modules', '.bin', 'bun'), 'bun '],
  ] as const

  it.each(RUNTIMES)('works on %s and leaves nothing open', async (_, runtime, name) => {
    expect(existsSync(runtime)).toBe(true)
    await using target = await FakeOllama.start()
    const { url } = await foremanFor(target)
    const { stdout } = await run(runtime, ['use.mjs', url, SECRET], { cwd: folder, timeout: 120_000 })
    const seen = JSON.parse(stdout) as Record<string, unknown>
    expect(seen['runtime']).toContain(name)
    const { text, runtime: _name, ...rest } = seen
    expect(text).not.toBe('')
    expect(rest).toEqual({
      health: 'ok',
      state: 'done',
      completion: text,
      range: 1,
      replayed: true,
      resumed: true,
      states: ['queued', 'loading', 'working', 'done'],
      events: 'done',
      polling: 'done',
      receiver: 'done',
      timeout: true,
      aborted: 'enough',
      first: 'queued',
      cancelled: 'cancelled',
      failed: 'target_error',
      retryOf: true,
      listed: true,
      deleted: 'job_not_found',
      chatted: true,
      unstreamed: true,
      embedded: 1,
      models: true,
      open: [],
    })
  })

  it('has a README with a quick start that runs unchanged', async () => {
    const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(installed, 'README.md'), 'utf8')) ?? []
    await using target = await FakeOllama.start()
    const { url } = await foremanFor(target)
    writeFileSync(join(folder, 'quick.mjs'), code.replace('http://127.0.0.1:8080', url).replace('qwen3:14b', 'tiny-a'))
    const { stdout } = await run(process.execPath, ['quick.mjs'], { cwd: folder, timeout: 60_000 })
    expect(stdout).toMatch(/^\S.*prompt_tokens: \d+/s)
  })

  it('runs a typed program, which the next tests compile', async () => {
    await using target = await FakeOllama.start()
    const { url } = await foremanFor(target)
    const { stdout } = await run(process.execPath, ['typed.ts', url], { cwd: folder, timeout: 60_000 })
    expect(JSON.parse(stdout)).toEqual({ states: ['queued', 'loading', 'working', 'done'], state: 'done', attempt: 1 })
  })

  it.each([
    ['nodenext', 'with Node', { module: 'nodenext', lib: ['es2023'], types: ['node'] }],
    ['bundler', 'with Node', { module: 'esnext', moduleResolution: 'bundler', lib: ['es2023'], types: ['node'] }],
    ['nodenext', 'in a browser', { module: 'nodenext', lib: ['es2023', 'dom'], types: [] }],
    ['bundler', 'in a browser', { module: 'esnext', moduleResolution: 'bundler', lib: ['es2023', 'dom'], types: [] }],
  ])('has types that a strict compiler accepts (%s, %s)', async (_, __, options) => {
    const compilerOptions = {
      ...{ target: 'es2023', strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
      ...{ skipLibCheck: options.types.length > 0, noEmit: true, typeRoots: [join(ROOT, 'node_modules', '@types')] },
      ...options,
    }
    const config = join(folder, 'tsconfig.json')
    writeFileSync(
      config,
      JSON.stringify({ compilerOptions, files: ['consumer.ts', ...(options.types.length > 0 ? ['typed.ts'] : [])] }),
    )
    const compiler = join(HERE, 'node_modules', 'typescript', 'bin', 'tsc')
    const { stdout } = await run(process.execPath, [compiler, '-p', config], { cwd: folder }).catch(
      (error: { stdout: string }) => error,
    )
    expect(stdout).toBe('')
  })

  it('runs in a browser: bundled, with only what a page has', async () => {
    const entry = join(folder, 'page.js')
    writeFileSync(entry, "import * as it from 'foreman-client'\nglobalThis.foreman = it\n")
    const { metafile, outputFiles, warnings } = await build({
      entryPoints: [entry],
      bundle: true,
      platform: 'browser',
      format: 'iife',
      write: false,
      metafile: true,
      logLevel: 'silent',
    })
    const imports = Object.values(metafile.outputs).flatMap((output) => output.imports)
    expect(imports.filter(({ path, kind }) => path.startsWith('node:') && kind !== 'dynamic-import')).toEqual([])
    expect(warnings.filter(({ text }) => !text.includes('node:http'))).toEqual([])

    await using target = await FakeOllama.start()
    const { url } = await foremanFor(target)
    const asked: RequestInit[] = []
    const page = createContext({
      ...{ url, AbortController, AbortSignal, URL, URLSearchParams, TextDecoder, TextEncoder, crypto, performance },
      ...{ setTimeout, clearTimeout, ReadableStream, Headers, Response, atob, btoa },
      fetch: (input: string, init: RequestInit) => {
        asked.push(init)
        return fetch(input, init)
      },
    })
    const code = `${outputFiles[0]?.text}
      ;(async () => {
        const client = new foreman.ForemanClient({ url })
        const job = await client.submit({ model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }] })
        let text = ''
        for await (const word of job.text()) text += word
        const byEvents = await job.result({ via: 'events' })
        const byPolling = await job.result({ via: 'polling' })
        const calling = new foreman.ForemanClient({ url, receiver: { secret: 's', publicUrl: 'http://127.0.0.1:9/' } })
        const fallen = await (await calling.submit({ model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }] })).result()
        return [text !== '', byEvents.state, byPolling.state, fallen.state]
      })()`
    expect(await runInContext(code, page)).toEqual([true, 'done', 'done', 'done'])
    expect(asked.length).toBeGreaterThan(3)
  })
})
