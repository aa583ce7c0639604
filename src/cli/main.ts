#!/usr/bin/env node
// Entry point of the command line: arguments, output pipes and exit of the process. The commands are in program.ts.

import { EXIT, stdoutError } from './exit.ts'
import { runCommand } from './program.ts'

// `foreman ps | head -1` closes the pipe early, which is not an error. A full disk behind `> file` is one. Neither may end a
// daemon.
let unwritten: NodeJS.ErrnoException | null = null
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') unwritten ??= error
})
process.stderr.on('error', () => {})
// serve.ts and some commands handle signals themselves.
if (process.argv[2] !== 'serve') {
  process.on('SIGINT', () => {
    if (process.listenerCount('SIGINT') === 1) process.exit(EXIT.interrupted)
  })
}

// Without a listener, SIGUSR1 makes Node open its debugger to every user of this machine.
process.on('SIGUSR1', () => {})

const code = await runCommand(process.argv.slice(2))
// Exit only after the pipe has taken all output and reported its errors.
process.stdout.write('', () => setImmediate(leave))

function leave(): void {
  const isLost = code === EXIT.ok && unwritten !== null
  process.stderr.write(isLost ? `${stdoutError(unwritten).message}\n` : '', () =>
    process.exit(isLost ? EXIT.error : code),
  )
}
