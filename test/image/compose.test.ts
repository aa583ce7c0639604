// compose.yaml, as `docker compose config` resolves it. scripts/try-compose.sh starts it with a real Docker daemon.

import { copyFileSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { KNOWN_NAMES } from '../../src/daemon/config/options.ts'
import { type Ended, emptyDirectory, run } from '../cli/command-line.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const executable = process.env['FOREMAN_TEST_COMPOSE'] ?? 'run scripts/try-image.sh instead'

interface Service {
  readonly image: string
  readonly environment: Readonly<Record<string, string>>
  readonly ports?: readonly { readonly host_ip: string; readonly published: string; readonly target: number }[]
  readonly [key: string]: unknown
}

/** Resolves compose.yaml in a separate folder, with this `.env` and every profile. */
function compose(env: string | null): Promise<Ended> {
  const cwd = emptyDirectory(env === null ? {} : { '.env': env })
  copyFileSync(join(ROOT, 'compose.yaml'), join(cwd, 'compose.yaml'))
  return run(['--profile', '*', 'config', '--format', 'json'], { executable, cwd })
}

interface Project {
  readonly services: Readonly<Record<string, Service>>
  readonly configs: unknown
}

async function projectOf(env: string): Promise<Project> {
  const { code, stdout, stderr } = await compose(env)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

const servicesOf = async (env: string): Promise<Project['services']> => (await projectOf(env)).services

const TARGET = 'FOREMAN_OLLAMA_URL=http://gpu.lan:11434\n'

describe('compose.yaml', () => {
  it('needs the address of the target and says so', async () => {
    const { code, stderr } = await compose(null)
    expect(code).not.toBe(0)
    expect(stderr).toContain('set it in .env to the Ollama server')
  })

  it('accepts a copy of .env.example', async () => {
    const { foreman } = await servicesOf(readFileSync(join(ROOT, '.env.example'), 'utf8'))
    expect(foreman?.environment).toMatchObject({ FOREMAN_OLLAMA_URL: 'http://mac.local:11434' })
  })

  it('passes every setting of .env to foreman, except for its addresses and its database', async () => {
    const settings = Object.fromEntries(KNOWN_NAMES.map((name, index) => [name, `value-${index}`]))
    const env = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
    const { foreman } = await servicesOf(env.join(''))
    expect(foreman?.environment).toEqual({
      ...settings,
      FOREMAN_ADDR: ':8080',
      FOREMAN_DB: '/data/foreman.db',
      FOREMAN_URL: 'http://127.0.0.1:8080',
    })
  })

  it('runs foreman without root, capabilities and a writable root', async () => {
    const { foreman } = await servicesOf(TARGET)
    expect(foreman).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      healthcheck: { test: ['CMD', 'foreman', 'health'] },
      volumes: [{ type: 'volume', source: 'data', target: '/data' }],
    })
    expect(foreman).not.toHaveProperty('user')
  })

  it("publishes every port on loopback only, and foreman's port where .env says", async () => {
    const services = Object.values(await servicesOf(TARGET))
    const addresses = services.flatMap(({ ports = [] }) => ports.map(({ host_ip }) => host_ip))
    expect(new Set(addresses)).toEqual(new Set(['127.0.0.1']))
    const { foreman } = await servicesOf(`${TARGET}PUBLISH=0.0.0.0:9090\n`)
    expect(foreman?.ports).toMatchObject([{ host_ip: '0.0.0.0', published: '9090', target: 8080 }])
  })

  it('restarts each service, limits its memory and log, and pins the version of its image', async () => {
    for (const [name, service] of Object.entries(await servicesOf(`${TARGET}OLLAMA_MEMORY=48G\n`))) {
      expect(service, name).toMatchObject({
        restart: 'unless-stopped',
        security_opt: ['no-new-privileges:true'],
        logging: { driver: 'local', options: { 'max-size': '10m' } },
        deploy: { resources: { limits: { memory: expect.stringMatching(/^\d+$/) } } },
      })
      if (name !== 'foreman') expect(service.image, name).toMatch(/^[\w.-]+\.\w+\/.+:v?\d/)
    }
  })

  it('gives Prometheus the token as a file, with or without a token', async () => {
    const configs = (content: string) => ({ 'foreman-token': { name: 'foreman_foreman-token', content } })
    expect((await projectOf(`${TARGET}FOREMAN_TOKEN=a-long-token\n`)).configs).toEqual(configs('a-long-token'))
    expect((await projectOf(TARGET)).configs).toEqual(configs('no-token'))
  })
})
