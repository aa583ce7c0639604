// The image: built from the Dockerfile, run as the documents say, in front of a real HTTP target.

import { chmodSync, chownSync, globSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { VERSION } from '../../src/protocol/version.ts'
import { call, chat, get } from '../caller.ts'
import { emptyDirectory } from '../cli/command-line.ts'
import { FakeOllama } from '../fake-ollama.ts'
import { Container, IMAGE, output, runImage, type Target } from './container.ts'

const MAX_COMPRESSED_BYTES = 70_000_000
const TARGETS: readonly Target[] = ['distroless', 'slim']

async function target(): Promise<FakeOllama> {
  const fake = await FakeOllama.start()
  onTestFinished(() => fake.stop())
  return fake
}

interface ImageConfig {
  readonly Labels: Readonly<Record<string, string>>
  readonly [key: string]: unknown
}

async function configOf(name: Target): Promise<ImageConfig> {
  const [image] = JSON.parse(await output('image', 'inspect', `${IMAGE}:${name}`))
  return { ...image.Config, Healthcheck: image.Healthcheck }
}

describe('the image', () => {
  it('has at most 70 MB compressed', () => {
    const pushed = join(process.env['FOREMAN_TEST_PUSHED'] ?? '', 'blobs/sha256')
    const bytes = globSync('*', { cwd: pushed }).reduce((sum, blob) => sum + statSync(join(pushed, blob)).size, 0)
    process.stdout.write(`compressed size of the image: ${(bytes / 1e6).toFixed(1)} MB\n`)
    expect(bytes).toBeGreaterThan(1_000_000)
    expect(bytes).toBeLessThan(MAX_COMPRESSED_BYTES)
  })

  it('has every label of the OCI that applies', async () => {
    const { Labels } = await configOf('distroless')
    const label = (name: string) => Labels[`org.opencontainers.image.${name}`]
    expect(label('title')).toBe('foreman')
    expect(label('version')).toBe(VERSION)
    expect(label('licenses')).toBe('MIT')
    expect(label('revision')).toMatch(/^[0-9a-f]{40}$/)
    expect(label('created')).toMatch(/^\d{4}-\d\d-\d\dT/)
    expect(label('base.name')).toBe('gcr.io/distroless/nodejs26-debian13:nonroot')
    for (const name of ['description', 'vendor', 'authors']) expect(label(name), name).toMatch(/\w/)
    for (const name of ['source', 'url', 'documentation']) expect(label(name), name).toMatch(/^https:\/\/\S+$/)
  })

  it.each(TARGETS)('names its user, volume, port, signal and health check: %s', async (name) => {
    expect(await configOf(name)).toMatchObject({
      User: '65532:65532',
      Volumes: { '/data': {} },
      ExposedPorts: { '8080/tcp': {} },
      StopSignal: 'SIGTERM',
      WorkingDir: '/data',
      Entrypoint: ['/usr/local/bin/foreman'],
      Cmd: ['serve'],
      Healthcheck: { Test: ['CMD', '/usr/local/bin/foreman', 'health'] },
      Env: expect.arrayContaining(['FOREMAN_ADDR=:8080', 'FOREMAN_DB=/data/foreman.db', 'NODE_ENV=production']),
    })
  })

  it('has the same labels in both targets, except for the base', async () => {
    const [distroless, slim] = await Promise.all(TARGETS.map(configOf))
    const base = { 'org.opencontainers.image.base.name': 'docker.io/library/node:26-trixie-slim' }
    expect(slim?.Labels).toMatchObject({ ...distroless?.Labels, ...base })
  })

  it('has a shell in the slim target only', async () => {
    const shell = (name: Target) => runImage(['-c', 'exit 3'], { target: name, args: ['--entrypoint=/bin/sh'] })
    expect(await shell('slim')).toMatchObject({ code: 3 })
    expect(await shell('distroless')).toMatchObject({ code: 127 })
  })

  it('contains the licences of what it bundles', async () => {
    const read = 'process.getBuiltinModule("fs").readFileSync("/foreman/THIRD-PARTY-LICENSES", "utf8")'
    const licences = await runImage(['--print', read], { args: ['--entrypoint=/nodejs/bin/node'] })
    expect(licences).toMatchObject({ code: 0, stdout: expect.stringContaining('undici') })
  })

  it('runs every command of foreman', async () => {
    expect(await runImage(['--version'])).toMatchObject({ code: 0, stdout: expect.stringContaining(VERSION) })
  })
})

describe.each(TARGETS)('a container of the %s target', (name) => {
  it('answers, streams, is healthy, and exits with 0 on SIGTERM', async () => {
    const fake = await target()
    const foreman = await Container.start({ target: name, env: { FOREMAN_OLLAMA_URL: fake.url } })
    expect(await get(foreman.url, '/readyz')).toMatchObject({ status: 200 })
    fake.hold('middle')
    const caller = chat(foreman.url)
    await fake.waiting('middle')
    await caller.hears('Hello')
    fake.release('middle')
    expect(await caller.answer()).toMatchObject({
      status: 200,
      cut: false,
      body: expect.stringContaining('"done":true'),
    })
    expect(await foreman.exec('foreman', 'health')).toMatchObject({ code: 0, stdout: 'ok\n' })
    expect(await foreman.stop()).toBe(0)
  })
})

describe('a container', () => {
  it('runs as process 1, without root, capabilities or new privileges, and can write only to /data', async () => {
    const fake = await target()
    const foreman = await Container.start({ env: { FOREMAN_OLLAMA_URL: fake.url } })
    const status = await foreman.evaluate<string>('fs.readFileSync("/proc/1/status", "utf8")')
    const field = (key: string) => new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1]?.split(/\s+/)
    expect(await foreman.evaluate('fs.readFileSync("/proc/1/cmdline", "utf8").split("\\0")')).toContain('serve')
    expect(field('Uid')).toEqual(['65532', '65532', '65532', '65532'])
    expect(field('Gid')).toEqual(['65532', '65532', '65532', '65532'])
    expect(field('CapEff')).toEqual(['0000000000000000'])
    expect(field('NoNewPrivs')).toEqual(['1'])
    expect(field('Seccomp')).toEqual(['2'])
    const writing = (folder: string) =>
      `(() => { try { fs.mkdtempSync("${folder}/x-"); return "written" } catch ({ code }) { return code } })()`
    for (const folder of ['', '/foreman', '/tmp', '/etc'])
      expect(await foreman.evaluate(writing(folder)), folder).toMatch(/^(EROFS|EACCES)$/)
    expect(await foreman.evaluate(writing('/data'))).toBe('written')
    const mode = 'fs.statSync("/data/foreman.db").mode & 0o777'
    expect(await foreman.evaluate(mode)).toBe(0o600)
  })

  it('is healthy at another address, and unhealthy if no process listens', async () => {
    const fake = await target()
    const env = { FOREMAN_OLLAMA_URL: fake.url, FOREMAN_ADDR: ':9000' }
    const foreman = await Container.start({ env })
    expect(await foreman.exec('foreman', 'health')).toMatchObject({ code: 0 })
    expect(await runImage(['health'], { env: { FOREMAN_ADDR: ':9001' } })).toMatchObject({ code: 5 })
  })

  it('keeps its jobs through a stop, a SIGKILL and a new container', async () => {
    const fake = await target()
    const options = { env: { FOREMAN_OLLAMA_URL: fake.url } }
    const foreman = await Container.start(options)
    const submit = async (): Promise<string> => {
      const body = { model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }] }
      return JSON.parse((await call(foreman.url, { path: '/jobs', body })).body).job_id
    }
    const finished = async (id: string): Promise<unknown> => {
      const answer = await get(foreman.url, `/jobs/${id}`, { Prefer: 'wait=60' })
      const { state, attempt } = JSON.parse(answer.body)
      return { state, attempt }
    }
    const first = await submit()
    expect(await finished(first)).toEqual({ state: 'done', attempt: 1 })
    expect(await foreman.stop()).toBe(0)
    await foreman.restart()
    expect(await finished(first)).toEqual({ state: 'done', attempt: 1 })

    fake.hold('middle')
    const running = await submit()
    await fake.waiting('middle')
    const waiting = await submit()
    await foreman.kill()
    fake.release('middle')
    await foreman.restart()
    expect(await finished(running)).toEqual({ state: 'done', attempt: 2 })
    expect(await finished(waiting)).toEqual({ state: 'done', attempt: 1 })

    await output('rm', '--force', '--time=60', foreman.name)
    await foreman.create(options)
    for (const id of [first, running, waiting]) expect(await finished(id)).toMatchObject({ state: 'done' })
  })

  it('reads its token from a mounted file', async () => {
    const fake = await target()
    const path = join(emptyDirectory({ token: 'a-long-token\n' }), 'token')
    chownSync(path, 65532, 0)
    chmodSync(path, 0o400)
    const env = { FOREMAN_OLLAMA_URL: fake.url, FOREMAN_TOKEN_FILE: '/run/secrets/token' }
    const foreman = await Container.start({ env, args: [`--volume=${path}:/run/secrets/token:ro`] })
    expect(await get(foreman.url, '/status')).toMatchObject({ status: 401 })
    expect(await get(foreman.url, '/status', { Authorization: 'Bearer a-long-token' })).toMatchObject({ status: 200 })
    expect(await foreman.exec('foreman', 'health')).toMatchObject({ code: 0 })
  })

  it('runs other foreman commands beside the daemon', async () => {
    const fake = await target()
    const env = { FOREMAN_OLLAMA_URL: fake.url }
    const foreman = await Container.start({ env })
    expect(await foreman.exec('foreman', 'ps')).toMatchObject({ code: 0, stdout: expect.stringContaining(fake.url) })
    expect(await runImage(['config', 'check'], { env })).toMatchObject({ code: 0 })
    expect(await runImage(['config', 'check'])).toMatchObject({ code: 78 })
  })

  it('is backed up while it runs, and restored into an empty volume', async () => {
    const fake = await target()
    const options = { env: { FOREMAN_OLLAMA_URL: fake.url, FOREMAN_TOKEN: 'a-long-token' } }
    const headers = { Authorization: 'Bearer a-long-token' }
    const foreman = await Container.start(options)
    const body = { model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }] }
    const id = JSON.parse((await call(foreman.url, { path: '/jobs', body, headers })).body).job_id
    expect(await foreman.exec('foreman', 'backup', '/data/backup.db')).toMatchObject({ code: 0, stderr: '' })
    const folder = emptyDirectory()
    await output('cp', `${foreman.name}:/data/backup.db`, join(folder, 'foreman-backup.db'))
    expect(await foreman.stop()).toBe(0)

    const restored = await Container.prepare(async (volume) => {
      const copy = 'cp /backup/foreman-backup.db /data/foreman.db'
      const own = 'chown 65532:65532 /data/foreman.db && chmod 600 /data/foreman.db'
      const mounts = [`--volume=${volume}:/data`, `--volume=${folder}:/backup:ro`]
      const base = ['--rm', '--user=0', '--network=host', '--entrypoint=sh']
      await output('run', ...base, ...mounts, `${IMAGE}:slim`, '-c', `${copy} && ${own}`)
    })
    await restored.create(options)
    expect(await get(restored.url, `/jobs/${id}`, { ...headers, Prefer: 'wait=60' })).toMatchObject({
      status: 200,
      body: expect.stringContaining('"state":"done"'),
    })
  })

  it('names the invalid setting and exits with 78', async () => {
    const { code, stdout, stderr } = await runImage(['serve'])
    expect({ code, said: stdout + stderr }).toEqual({ code: 78, said: expect.stringContaining('FOREMAN_OLLAMA_URL') })
    expect(
      await runImage(['serve'], { env: { FOREMAN_OLLAMA_URL: 'http://x', FOREMAN_ADDR: 'nowhere' } }),
    ).toMatchObject({
      code: 78,
    })
  })

  it('names the folder that it cannot write to, and exits with 70', async () => {
    const args = ['--mount=type=tmpfs,destination=/data,tmpfs-mode=0755']
    const { code, stdout, stderr } = await runImage(['serve'], { env: { FOREMAN_OLLAMA_URL: 'http://x' }, args })
    expect({ code, said: stdout + stderr }).toEqual({ code: 70, said: expect.stringMatching(/\/data\/.*EACCES/) })
  })
})
