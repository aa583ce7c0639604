// Starts the reverse proxies of docs/clients.md in front of foreman, with other names and ports, and ends them after the
// test. It asserts nothing.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import { get } from '../caller.ts'
import { onFreePort } from '../free-port.ts'
import { type Running, temporaryFolder, until } from '../harness.ts'

const DOCUMENT = readFileSync(resolve(import.meta.dirname, '../../docs/clients.md'), 'utf8')
/** The name that callers use. */
export const NAME = 'foreman.example'
export const called = { Host: NAME }
/** The address of foreman in the snippets. */
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

export interface ReverseProxy {
  readonly name: string
  readonly program: string | undefined
  /** Whether it cuts the caller's connection if its own is cut. */
  readonly cuts: boolean
  /** The whole configuration and the command that runs it. */
  readonly command: (port: number, upstream: string, folder: string) => { args: string[]; configuration: string }
}

export const PROXIES: readonly ReverseProxy[] = [
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

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await ended
  clearTimeout(timer)
}

/** Starts the proxy in front of foreman, with the changes of `edit`. Returns its address. */
export const startProxy = (
  proxy: ReverseProxy,
  running: Running,
  edit = (written: string) => written,
): Promise<string> => onFreePort((port) => startProxyOn(port, proxy, running, edit))

async function startProxyOn(
  port: number,
  { program = '', command }: ReverseProxy,
  running: Running,
  edit: (written: string) => string,
): Promise<string> {
  const folder = await temporaryFolder()
  const { args, configuration } = command(port, new URL(running.url).host, folder)
  writeFileSync(join(folder, 'conf'), edit(configuration))
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  onTestFinished(() => stop(child))
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const url = `http://127.0.0.1:${port}`
  await until('the proxy answers', async () => {
    if (child.exitCode !== null) throw new Error(`the proxy ended with ${child.exitCode}: ${said}`)
    return (await get(url, '/api/version', called).catch(() => null))?.status === 200
  })
  return url
}
