#!/usr/bin/env node
// Owns the process: its arguments, its output pipes, its end. Everything else is in program.ts.

import { EXIT } from './exit.ts'
import { runCommand } from './program.ts'

// `foreman ps | head -1` closes the pipe early: that is no error of a command. A full disk behind `> file` is one. Neither is
// ever the end of a daemon.
let unwritten: NodeJS.ErrnoException | null = null
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') unwritten ??= error
})
process.stderr.on('error', () => {})
// A daemon stops in its own way (serve.ts), and so does a command that listens itself.
if (process.argv[2] !== 'serve') {
  process.on('SIGINT', () => {
    if (process.listenerCount('SIGINT') === 1) process.exit(EXIT.interrupted)
  })
}

// Without a listener Node opens its debugger on SIGUSR1, to everybody on this machine.
process.on('SIGUSR1', () => {})

const code = await runCommand(process.argv.slice(2))
// A pipe may still hold what was written: leave when it has been taken, and when what has become of it has been told.
process.stdout.write('', () => setImmediate(leave))

function leave(): void {
  const isLost = code === EXIT.ok && unwritten !== null
  const words = isLost ? `foreman: stdout cannot be written: ${unwritten?.code}\n` : ''
  process.stderr.write(words, () => process.exit(isLost ? EXIT.error : code))
}
