// Starts HAProxy and nginx with the configuration of examples/two-targets, with other ports. Asserts nothing.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import { get } from '../caller.ts'
import { onFreePort } from '../free-port.ts'
import { temporaryFolder, until } from '../harness.ts'

const EXAMPLE = resolve(import.meta.dirname, '../../examples/two-targets')
const PATH = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']

export interface Balancer {
  readonly name: 'HAProxy' | 'nginx'
  readonly program: string | undefined
  /** How a client names the model outside the body. */
  readonly path: (model: string, path: string) => string
  readonly run: (file: string, folder: string) => string[]
  readonly file: string
  readonly edit: (text: string, folder: string) => string
}

const program = (name: string): string | undefined => PATH.map((place) => join(place, name)).find(existsSync)

export const BALANCERS: readonly Balancer[] = [
  {
    name: 'HAProxy',
    program: program('haproxy'),
    file: 'haproxy.cfg',
    path: (_model, path) => path,
    run: (file) => ['-db', '-f', file],
    edit: (text) => text.replace('inter 2s', 'inter 50ms'),
  },
  {
    name: 'nginx',
    program: program('nginx'),
    file: 'nginx.conf',
    path: (model, path) => `/model/${encodeURIComponent(model)}${path}`,
    run: (file, folder) => ['-p', folder, '-e', 'stderr', '-c', file],
    edit: (text, folder) => {
      const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      const own = places.map((place) => `${place}_temp_path ${folder}/${place};`).join(' ')
      const user = process.getuid?.() === 0 ? 'user root;' : ''
      return `daemon off; ${user} worker_processes 1; pid ${folder}/pid; error_log stderr crit;
        events {} http { access_log off; ${own}\n${text}}`
    },
  },
]

/** Starts a balancer in front of two foremen, at the ports that the example names 8081 and 8082. Returns its URL. */
export const startBalancer = (balancer: Balancer, ports: readonly [number, number]): Promise<string> =>
  onFreePort((port) => startBalancerOn(port, balancer, ports))

async function startBalancerOn(
  port: number,
  { program = '', file, run, edit }: Balancer,
  [one, two]: readonly [number, number],
): Promise<string> {
  const folder = await temporaryFolder()
  const text = readFileSync(join(EXAMPLE, file), 'utf8')
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replaceAll('127.0.0.1:8081', `127.0.0.1:${one}`)
    .replaceAll('127.0.0.1:8082', `127.0.0.1:${two}`)
  writeFileSync(join(folder, file), edit(text, folder))
  const child = spawn(program, run(join(folder, file), folder), { stdio: ['ignore', 'ignore', 'pipe'] })
  onTestFinished(() => stop(child))
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const url = `http://127.0.0.1:${port}`
  await until('the balancer answers', async () => {
    if (child.exitCode !== null) throw new Error(`the balancer ended with ${child.exitCode}: ${said}`)
    return (await get(url, '/api/version').catch(() => null))?.status === 200
  })
  return url
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await ended
  clearTimeout(timer)
}
