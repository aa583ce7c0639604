#!/usr/bin/env node
// Owns the process: its arguments, its output pipes, its end. Everything else is in program.ts.

import { EXIT } from './exit.ts'
import { runCommand } from './program.ts'

// `foreman ps | head -1` closes the pipe early: that is no error of a command, and never the end of a daemon.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}
// A daemon stops in its own way (serve.ts), and so does a command that listens itself.
if (process.argv[2] !== 'serve') {
  process.on('SIGINT', () => {
    if (process.listenerCount('SIGINT') === 1) process.exit(EXIT.interrupted)
  })
}

const code = await runCommand(process.argv.slice(2))
// A pipe may still hold what was written: leave when it has been taken.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)))
