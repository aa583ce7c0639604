// Owns `foreman pause` and `foreman resume`.

import type { Command } from 'commander'
import { type ConnectionFlags, connect, withConnection } from './connection.ts'
import { jsonText } from './terminal.ts'

export function addPause(program: Command): void {
  withConnection(program.command('pause'))
    .summary('send nothing new to the target; the running job ends')
    .addHelpText(
      'before',
      'Nothing new is sent to the target; the running job ends, callers are held, and jobs are still taken.\nSurvives a restart of foreman.\n\nExamples:\n  foreman pause     # the GPU is wanted for something else\n  foreman resume\n',
    )
    .action(async (flags: ConnectionFlags) => say(flags, (await connect(flags).pause()).paused))
}

export function addResume(program: Command): void {
  withConnection(program.command('resume'))
    .summary('end a pause')
    .addHelpText('before', 'Ends a pause: the queue goes on where it was.\n\nExamples:\n  foreman resume\n')
    .action(async (flags: ConnectionFlags) => say(flags, (await connect(flags).resume()).paused))
}

function say({ json }: ConnectionFlags, paused: boolean): void {
  const words = paused ? 'paused: nothing new is sent until `foreman resume`' : 'running'
  process.stdout.write(`${json === true ? jsonText({ paused }) : words}\n`)
}
