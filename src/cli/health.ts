// `foreman health`: whether the daemon is alive. A sleeping Ollama is not a failure, or a supervisor would restart foreman
// all night.

import type { Command } from 'commander'
import { type ConnectionFlags, connect, withConnection } from './connection.ts'
import { jsonText } from './terminal.ts'

export function addHealth(program: Command): void {
  withConnection(program.command('health'), 3_000)
    .summary('exit 0 if the daemon is alive, even if Ollama is asleep')
    .addHelpText(
      'before',
      "Exits with 0 if the daemon is alive, even if Ollama is asleep. Needs no token.\nWithout FOREMAN_URL it uses FOREMAN_ADDR, the daemon's own setting.\n\nExamples:\n  foreman health\n  foreman health --url http://gpu.lan:8080 --timeout 1s\n",
    )
    .action(async (flags: ConnectionFlags) => {
      const health = await connect(flags, 'own address').health()
      const words = health.degraded ? 'ok, but degraded: the target does not answer' : 'ok'
      process.stdout.write(`${flags.json === true ? jsonText(health) : words}\n`)
    })
}
