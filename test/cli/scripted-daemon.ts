// Child process that runs `foreman serve` with a scripted daemon, for tests of signals, failures and a closed stdout. Its
// first argument is the script; a line on stdin makes it continue.

import { once } from 'node:events'
import { type Servable, serveUntilEnd } from '../../src/cli/serve.ts'
import { createLog } from '../../src/daemon/runtime/log.ts'

const script = process.argv[2]
const log = createLog({ logLevel: 'info' })
const { promise: exited, resolve: exit } = Promise.withResolvers<number>()
const forever = new Promise<never>(() => {})
const told = (): Promise<unknown> => once(process.stdin, 'data')

let isStarted = false

// Keeps the process alive, as the open port of a daemon would.
setInterval(() => {}, 60_000)

const daemon: Servable = {
  exited,
  async start() {
    if (script === 'port taken') throw Object.assign(new Error('127.0.0.1:8080 is taken'), { exitCode: 69 })
    if (script === 'start is broken') throw new Error('unheard of')
    if (script === 'starts slowly') {
      log.info('starting')
      await told()
    }
    isStarted = true
    log.info('started')
    if (script === 'ends by itself') exit(70)
    if (script === 'throws later') setImmediate(() => void Promise.reject(new Error('nobody caught me')))
    if (script === 'throws when told') {
      void told().then(() => Promise.reject(new Error('nobody caught me')))
    }
    if (script === 'talks on') {
      void told().then(() => {
        for (let line = 0; line < 1000; line++) log.info({ line }, 'still here')
        // Not through the log, which handles a closed stdout: this is a write by other code.
        process.stdout.write('and aside from the log')
        process.stdout.once('close', () => process.stderr.write('talked on\n'))
      })
    }
  },
  async stop() {
    if (!isStarted) throw new Error('stopped before it was started')
    if (script === 'stops never') await forever
    if (script === 'stop is broken') throw new Error('could not')
    log.info('stopped')
  },
}

process.exit(await serveUntilEnd(daemon, log))
