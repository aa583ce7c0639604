// The single executable for this machine: built, started and used as a download is, with no Node beside it.

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { buildExecutable, HOST, isTarget } from '../../scripts/build-executable.ts'
import { Command, emptyDirectory, run } from '../cli/command-line.ts'
import { FakeOllama } from '../fake-ollama.ts'

const { version } = (await import('../../package.json', { with: { type: 'json' } })).default

/** Debian's package of each library that the executable is linked with, but for those of libc6 itself. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  'libatomic.so.1': 'libatomic1',
  'libstdc++.so.6': 'libstdc++6',
  'libgcc_s.so.1': 'libstdc++6 (it depends on libgcc-s1)',
}
const OF_LIBC6 = /^(linux-vdso|libc|libm|libdl|libpthread|\/lib64\/ld-linux-x86-64)\.so/

let executable = ''
let tarball = ''

beforeAll(async () => {
  if (!isTarget(HOST)) throw new Error(`no executable is built for ${HOST}`)
  const built = await buildExecutable(HOST)
  executable = built.path
  tarball = built.tarball
})

/** No Node, no npm and no folder of this machine to be found by name. */
const bare = { PATH: '/nonexistent' }

async function served(cwd = emptyDirectory()) {
  const fake = await FakeOllama.start()
  onTestFinished(() => fake.stop())
  const env = { ...bare, FOREMAN_OLLAMA_URL: fake.url, FOREMAN_ADDR: '127.0.0.1:0', FOREMAN_MIN_FREE: '0' }
  const daemon = new Command(['serve'], { executable, cwd, env })
  await daemon.said('foreman is listening')
  const [, url = ''] = /"url":"([^"]+)"/.exec(daemon.stdout) ?? []
  return { daemon, env, cwd, caller: { ...bare, FOREMAN_URL: url } }
}

describe('the executable', () => {
  it('prints its help and its version', async () => {
    const help = await run(['--help'], { executable, env: bare })
    expect(help).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('foreman serve') })
    const { stdout } = await run(['version'], { executable, env: { ...bare, FOREMAN_URL: 'http://127.0.0.1:1' } })
    expect(stdout).toContain(`foreman ${version}\n`)
  })

  it('runs a job, shows it, refuses a second daemon on its database, and ends with 0 on SIGTERM', async () => {
    const { daemon, env, cwd, caller } = await served()
    const submitted = await run(['submit', 'tiny-a', 'hi'], { executable, env: caller })
    expect(submitted).toMatchObject({ code: 0, stdout: expect.stringMatching(/\S/) })
    const top = await run(['top'], { executable, env: caller })
    expect(top).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('tiny-a') })
    expect(await run(['serve'], { executable, cwd, env })).toMatchObject({ code: 75 })
    daemon.process.kill('SIGTERM')
    expect(await daemon.ended).toMatchObject({ code: 0, stdout: expect.stringContaining('"stopped"') })
  })

  it('finds its jobs again after SIGKILL', async () => {
    const { daemon, caller, cwd } = await served()
    expect(await run(['submit', 'tiny-a', 'hi'], { executable, env: caller })).toMatchObject({ code: 0 })
    daemon.process.kill('SIGKILL')
    await daemon.ended
    const again = await served(cwd)
    const { stdout } = await run(['jobs', '--json'], { executable, env: again.caller })
    expect(JSON.parse(stdout)).toMatchObject({ model: 'tiny-a', state: 'done' })
  })

  it('exits with 78 and one sentence if a setting is missing', async () => {
    const { code, stderr } = await run(['serve'], { executable, env: bare })
    expect(code).toBe(78)
    expect(stderr).toMatch(/^foreman: FOREMAN_OLLAMA_URL is required.*\n$/)
  })

  it('needs only the libraries that the documents name', () => {
    const needed = execFileSync('ldd', [executable], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map((line) => line.trim().split(' ')[0] ?? '')
    expect(needed.filter((name) => !OF_LIBC6.test(name) && !(name in PACKAGE_OF))).toEqual([])
    expect(needed).toEqual(expect.arrayContaining(['libatomic.so.1', 'libstdc++.so.6']))
  })

  it('contains the licences of everything in it', () => {
    const files = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n')
    const folder = basename(dirname(executable))
    for (const name of ['foreman', 'LICENSE', 'NODE-LICENSE', 'THIRD-PARTY-LICENSES', 'sbom.cdx.json'])
      expect(files).toContain(`${folder}/${name}`)
    expect(existsSync(tarball)).toBe(true)
  })
})
