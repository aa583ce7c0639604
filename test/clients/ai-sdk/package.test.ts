// The package foreman-ai-sdk as a user gets it: packed, installed beside the AI SDK into an empty folder, type-checked, and
// run on the lowest supported Node and on the bundled one.

import { execFile, execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildPackage } from '../../../scripts/build-package.ts'
import { whole } from './whole.ts'

const OWN = join(import.meta.dirname, 'package')
const CLIENTS = resolve(import.meta.dirname, '..')
const ROOT = resolve(CLIENTS, '../..')
const COMPILER = join(CLIENTS, 'node_modules', 'typescript', 'bin', 'tsc')
const run = promisify(execFile)

const folder = mkdtempSync(join(tmpdir(), 'foreman-ai-sdk-'))
const installed = join(folder, 'node_modules', 'foreman-ai-sdk')

/** Output of the compiler; empty without errors. */
async function compiled(...options: readonly string[]): Promise<string> {
  const ran = run(process.execPath, [COMPILER, ...options], { cwd: folder })
  return (await ran.catch((error: { stdout: string }) => error)).stdout
}

beforeAll(async () => {
  const built = await buildPackage({ part: 'ai-sdk' })
  const told = execFileSync('npm', ['pack', built, '--json', '--pack-destination', folder], { encoding: 'utf8' })
  const [pack] = JSON.parse(told) as [{ filename: string }]
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  mkdirSync(installed, { recursive: true })
  execFileSync('tar', ['-xzf', join(folder, pack.filename), '-C', installed, '--strip-components=1'])
  // The AI SDK and its provider package are linked from the tests' own install, so that the test asks no registry.
  for (const name of ['ai', '@ai-sdk'])
    symlinkSync(join(CLIENTS, 'node_modules', name), join(folder, 'node_modules', name))
  for (const name of ['use.mjs', 'consumer.ts']) copyFileSync(join(OWN, name), join(folder, name))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the package', () => {
  it("has the version of the whole, and needs only the AI SDK as a peer and the SDK's provider package", () => {
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Record<string, unknown>
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
    expect(manifest).toMatchObject({ name: 'foreman-ai-sdk', version, peerDependencies: { ai: '^7.0.0' } })
    expect(manifest['dependencies']).toEqual({ '@ai-sdk/provider': '^4.0.0' })
    const imports = readFileSync(join(installed, 'index.js'), 'utf8').matchAll(/^(?:import|\}) .*from "(.*)";$/gm)
    expect(new Set([...imports].map(([, name]) => name))).toEqual(new Set(['@ai-sdk/provider']))
  })

  it.each([
    ['the lowest supported Node', join(CLIENTS, 'node_modules', 'node', 'bin', 'node')],
    ['our Node', process.execPath],
  ])('works on %s, and leaves nothing open', async (_, node) => {
    const { url } = await whole()
    const { stdout } = await run(node, ['use.mjs', url], { cwd: folder, timeout: 60_000 })
    expect(JSON.parse(stdout)).toEqual({
      text: 'Hello world!',
      streamed: 'Hello world!',
      state: 'done',
      seen: ['queued', 'loading', 'working', 'done'],
      numbers: 4,
      refused: { code: 'model_not_found' },
      open: [],
    })
  })

  it.each([
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ])('has types that a strict compiler accepts (%s, %s)', async (module, moduleResolution) => {
    const compilerOptions = {
      ...{ target: 'es2023', module, moduleResolution, noEmit: true, skipLibCheck: true, types: ['node'] },
      ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
      typeRoots: [join(ROOT, 'node_modules', '@types')],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }))
    expect(await compiled('-p', 'tsconfig.json')).toBe('')
  })
})
