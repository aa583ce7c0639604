// The reverse proxies of docs/clients.md, as written there: each token comes through when it is said, beats come through,
// a failure stays one, and who hangs up is hung up on foreman too.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { delimiter, join, resolve } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Caller, chat, get } from '../caller.ts'
import { cut, FakeOllama, says } from '../fake-ollama.ts'
import { type Running, startForeman, temporaryFolder, until } from '../harness.ts'

const DOCUMENT = readFileSync(resolve(import.meta.dirname, '../../docs/clients.md'), 'utf8')
const NAME = 'foreman.example'
/** What the snippets call foreman. */
const UPSTREAM = '127.0.0.1:8080'

const snippet = (language: string): string =>
  new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(DOCUMENT)?.[1] ?? ''

function programOf(name: string): string | undefined {
  const places = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  const found = places.map((place) => join(place, name)).find((path) => existsSync(path))
  if (found === undefined)
    process.stderr.write(`\nSKIPPED, NOT PASSED: there is no ${name}; its snippet was not tried.\n\n`)
  return found
}

interface Proxy {
  readonly name: string
  readonly program: string | undefined
  /** Cuts the caller off where it was cut off itself. */
  readonly cuts: boolean
  /** The whole configuration, and how it is run. */
  readonly command: (port: number, upstream: string, folder: string) => { args: string[]; configuration: string }
}

const PROXIES: readonly Proxy[] = [
  {
    name: 'nginx',
    program: programOf('nginx'),
    cuts: true,
    command: (port, upstream, folder) => {
      const server = snippet('nginx').replace('listen 80;', `listen 127.0.0.1:${port};`).replace(UPSTREAM, upstream)
      const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      const own = places.map((place) => `${place}_temp_path ${folder}/${place};`).join(' ')
      const main = `daemon off; ${process.getuid?.() === 0 ? 'user root;' : ''} worker_processes 1; pid ${folder}/pid;`
      return {
        args: ['-p', folder, '-e', 'stderr', '-c', join(folder, 'conf')],
        configuration: `${main} error_log stderr crit; events {} http { access_log off; ${own}\n${server}}`,
      }
    },
  },
  {
    name: 'Caddy',
    program: programOf('caddy'),
    cuts: false,
    command: (port, upstream, folder) => {
      const site = snippet('caddy').replace(NAME, `http://${NAME}:${port}`).replace(UPSTREAM, upstream)
      return {
        args: ['run', '--adapter', 'caddyfile', '--config', join(folder, 'conf')],
        configuration: `{\n admin off\n default_bind 127.0.0.1\n}\n${site}`,
      }
    },
  },
]

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  await new Promise((closed) => probe.close(closed))
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await ended
  clearTimeout(timer)
}

const called = { Host: NAME }

/** The proxy in front of foreman; its address. */
async function startProxy({ program = '', command }: Proxy, running: Running): Promise<string> {
  const folder = await temporaryFolder()
  const port = await freePort()
  const { args, configuration } = command(port, new URL(running.url).host, folder)
  writeFileSync(join(folder, 'conf'), configuration)
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  onTestFinished(() => stop(child))
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const url = `http://127.0.0.1:${port}`
  await until('the proxy answers', async () => {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${said}`)
    return get(url, '/api/version', called).then(
      ({ status }) => status === 200,
      () => false,
    )
  })
  return url
}

describe.each(PROXIES)('$name', (proxy) => {
  const tryIt = test.skipIf(proxy.program === undefined)

  async function scene(): Promise<{ fake: FakeOllama; running: Running; url: string }> {
    const fake = await FakeOllama.start()
    onTestFinished(() => fake.stop())
    const running = await startForeman(fake, { config: { hosts: [NAME] } })
    return { fake, running, url: await startProxy(proxy, running) }
  }

  tryIt('passes each token on when it is said', async () => {
    const { fake, url } = await scene()
    fake.on('/api/chat', says('Blue', ' sky')).hold('middle')
    const caller = chat(url, 'tiny-a', {}, called)
    expect(await caller.hears('Blue')).not.toContain('sky')
    fake.release('middle')
    expect(await caller.answer()).toMatchObject({
      status: 200,
      cut: false,
      body: expect.stringContaining('"done":true'),
    })
  })

  tryIt.each([
    ['a stream', true],
    ['one document', false],
  ])('passes the beats of %s on', async (_name, stream) => {
    const { fake, running, url } = await scene()
    fake.hold('load')
    const body = { model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }], stream }
    const caller = new Caller(url, { path: '/v1/chat/completions', body, headers: called })
    await fake.waiting('load')
    const beat = stream ? ': waiting\n\n' : ' '
    for (const count of [1, 2, 3]) {
      running.clock.advance(10_000)
      await caller.hears((heard) => heard === beat.repeat(count))
    }
    fake.release('load')
    expect(await caller.answer()).toMatchObject({ status: 200, cut: false })
  })

  tryIt('tells foreman that the caller has hung up, in the middle of a stream and before it', async () => {
    const { fake, url } = await scene()
    fake.hold('middle')
    const streaming = chat(url, 'tiny-a', {}, called)
    await streaming.hears('{')
    streaming.hangUp()
    await until('the target is rid of the first', () => fake.workers[0]?.isOver)
    fake.release('middle').hold('load')
    const waiting = chat(url, 'tiny-b', {}, called)
    await fake.waiting('load')
    waiting.hangUp()
    await until('the target is rid of the second', () => fake.workers[1]?.isOver)
  })

  tryIt('does not make a whole answer of one that was cut', async () => {
    const { fake, url } = await scene()
    fake.on('/api/chat', cut('fin', 1))
    const answer = await chat(url, 'tiny-a', {}, called).answer()
    expect(answer.body).toMatch(/\n\{"error":"[^"]+"\}\n$/)
    // Caddy 2.6.2 ends what was cut as if it were whole: there the record alone speaks.
    if (proxy.cuts) expect(answer.cut).toBe(true)
  })

  tryIt('opens foreman to the name that it was called by, and to no other', async () => {
    const { url } = await scene()
    expect((await get(url, '/api/tags', called)).body).toContain('tiny-a')
    expect((await get(url, '/api/tags', { Host: 'other.example' })).body).not.toContain('tiny-a')
  })
})
