// Redis for the bench alone: as durable as foreman (a sync before each answer), on a free port of loopback, without a
// configuration file, with its data in a temporary directory. It does not touch a Redis of the machine.

import { onFreePort } from '../test/free-port.ts'
import { type Child, startUntil, temporaryDirectory } from './child.ts'
import { findProgram } from './program.ts'

const CURE = 'Debian: apt-get install --no-install-recommends redis-server; macOS: brew install redis'

export interface Redis {
  readonly child: Child
  readonly url: string
}

export const startRedis = (): Promise<Redis> => onFreePort(startOn)

async function startOn(port: number): Promise<Redis> {
  const binary = findProgram('redis-server', CURE)
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    dir: temporaryDirectory(),
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
    daemonize: 'no',
    // BullMQ requires it, because an evicted key would be a lost job.
    'maxmemory-policy': 'noeviction',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const isReady = (line: string): true | undefined => (line.includes('Ready to accept connections') ? true : undefined)
  const { child } = await startUntil(binary, args, isReady)
  return { child, url: `redis://127.0.0.1:${port}` }
}
