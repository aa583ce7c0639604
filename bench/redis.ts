// Owns a Redis for the bench alone: durable as foreman is (a sync before each answer), on a free port of loopback, without
// a configuration file, with its data in a temporary directory. It touches no Redis of the machine's own.

import { type Child, freePort, startUntil, temporaryDirectory } from './child.ts'
import { findProgram } from './program.ts'

const CURE = 'Debian: apt-get install --no-install-recommends redis-server; macOS: brew install redis'

export interface Redis {
  readonly child: Child
  readonly url: string
}

export async function startRedis(): Promise<Redis> {
  const binary = findProgram('redis-server', CURE)
  const port = await freePort()
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    dir: temporaryDirectory(),
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
    daemonize: 'no',
    // What BullMQ asks for: a queue must not forget.
    'maxmemory-policy': 'noeviction',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])
  const isReady = (line: string): true | undefined => (line.includes('Ready to accept connections') ? true : undefined)
  const { child } = await startUntil(binary, args, isReady)
  return { child, url: `redis://127.0.0.1:${port}` }
}
