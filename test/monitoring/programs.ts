// Starts the real Prometheus and the real Alertmanager of Debian on loopback, and stops them after the test. It asserts nothing.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import { onFreePort } from '../free-port.ts'
import { temporaryFolder, until } from '../harness.ts'

const EXAMPLE = resolve(import.meta.dirname, '../../examples/prometheus')
export const RULES = join(EXAMPLE, 'foreman.rules.yml')

/** Output of promtool; throws if it finds a fault. */
export const promtool = (...args: string[]): string => execFileSync('promtool', args, { encoding: 'utf8' })

/** The example's configuration with the address, the token and the interval of a test. */
export async function configurationFor(foreman: string, token: string, alertmanager: string): Promise<string> {
  const folder = await temporaryFolder()
  writeFileSync(join(folder, 'token'), token)
  const changes = {
    'foreman:8080': new URL(foreman).host,
    '/run/secrets/foreman-token': join(folder, 'token'),
    'scrape_interval: 15s': 'scrape_interval: 1s',
    'evaluation_interval: 15s': 'evaluation_interval: 1s',
    "'*.rules.yml'": RULES,
  }
  let text = readFileSync(join(EXAMPLE, 'prometheus.yml'), 'utf8')
  for (const [written, replacement] of Object.entries(changes)) {
    if (!text.includes(written)) throw new Error(`prometheus.yml has no ${written}`)
    text = text.replace(written, replacement)
  }
  const file = join(folder, 'prometheus.yml')
  const target = new URL(alertmanager).host
  writeFileSync(file, `${text}alerting:\n  alertmanagers:\n    - static_configs:\n        - targets: ['${target}']\n`)
  return file
}

export const startPrometheus = async (configuration: string): Promise<string> =>
  start('prometheus', [`--config.file=${configuration}`, `--storage.tsdb.path=${await temporaryFolder()}`])

export async function startAlertmanager(): Promise<string> {
  const folder = await temporaryFolder()
  const configuration = join(folder, 'alertmanager.yml')
  writeFileSync(configuration, 'route: { receiver: nowhere }\nreceivers: [{ name: nowhere }]\n')
  // Without an empty cluster address it looks for peers.
  const alone = ['--cluster.listen-address=', `--storage.path=${folder}`]
  return start('prometheus-alertmanager', [`--config.file=${configuration}`, ...alone])
}

/** Returns the address of the program. */
const start = (program: string, args: readonly string[]): Promise<string> =>
  onFreePort(async (port) => {
    const child = spawn(program, [...args, `--web.listen-address=127.0.0.1:${port}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    onTestFinished(() => stop(child))
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4_000)
    })
    child.on('error', (error) => {
      said += error.message
    })
    const url = `http://127.0.0.1:${port}`
    await until(`${program} is ready`, async () => {
      if (child.exitCode !== null || child.pid === undefined) throw new Error(`${program} ended: ${said}`)
      return (await fetch(`${url}/-/ready`).catch(() => null))?.status === 200
    })
    return url
  })

async function stop(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await ended
  clearTimeout(timer)
}

interface QueryAnswer {
  readonly status: string
  readonly error?: string
  readonly data?: { readonly result: readonly unknown[] }
}

/** The samples that Prometheus returns now. Throws if the query is invalid. */
export async function query(prometheus: string, text: string): Promise<readonly unknown[]> {
  const answer = await fetch(`${prometheus}/api/v1/query?${new URLSearchParams({ query: text })}`)
  const { status, error, data } = (await answer.json()) as QueryAnswer
  if (status !== 'success') throw new Error(`${text}: ${error}`)
  return data?.result ?? []
}
