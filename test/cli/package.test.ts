// The built npm package ollama-foreman: installed from its tarball in a bare folder, it serves a job to a real HTTP target.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { buildProgram } from '../../scripts/build-program.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { Command, emptyDirectory, run } from './command-line.ts'

const MAX_TARBALL_BYTES = 700_000

it('the package installs offline without dependencies, caches compiled code, runs jobs and stops', async () => {
  const built = await buildProgram()
  const folder = emptyDirectory({ 'package.json': '{}' })
  const npm = (...args: string[]) => execFileSync('npm', args, { cwd: folder, encoding: 'utf8' })
  const tarball = npm('pack', '--silent', built).trim()
  expect(statSync(join(folder, tarball)).size).toBeLessThan(MAX_TARBALL_BYTES)
  npm('install', '--offline', '--no-audit', '--no-fund', `./${tarball}`)
  const installed = join(folder, 'node_modules/ollama-foreman')
  expect(JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))).not.toHaveProperty('dependencies')
  expect(readFileSync(join(installed, 'THIRD-PARTY-LICENSES'), 'utf8')).toContain('undici')
  expect(readFileSync(join(installed, 'sbom.cdx.json'), 'utf8')).toContain('pkg:npm/undici@')

  const fake = await FakeOllama.start()
  onTestFinished(() => fake.stop())
  const program = join(folder, 'node_modules/.bin/foreman')
  expect(await run(['--help'], { program })).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('foreman serve'),
  })
  await serveOneJob(folder, program, fake.url)
  expect(existsSync(join(installed, 'cache/serve'))).toBe(true)
  await serveOneJob(folder, program, fake.url)

  // A file where the folder should be cannot be written into, not even by root.
  rmSync(join(installed, 'cache'), { recursive: true })
  writeFileSync(join(installed, 'cache'), '')
  await serveOneJob(folder, program, fake.url)
})

/** Starts the installed program, lets it run one job, and stops it. */
async function serveOneJob(folder: string, program: string, target: string): Promise<void> {
  const daemon = new Command(['serve'], {
    cwd: folder,
    program,
    env: { FOREMAN_OLLAMA_URL: target, FOREMAN_ADDR: '127.0.0.1:0', FOREMAN_MIN_FREE: '0' },
  })
  await daemon.said('foreman is listening')
  const [, url = ''] = /"url":"([^"]+)"/.exec(daemon.stdout) ?? []
  const submitted = await run(['submit', 'tiny-a', 'hi'], { program, env: { FOREMAN_URL: url } })
  expect(submitted).toMatchObject({ code: 0, stdout: expect.stringMatching(/\S/) })
  daemon.process.kill('SIGTERM')
  expect(await daemon.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('"stopped"'), stderr: '' })
}
