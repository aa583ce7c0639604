// `foreman ps`, `health` and `version`: what the running daemon says about itself.

import type { Command } from 'commander'
import { ForemanError, type StatusDocument } from '../client/index.ts'
import { VERSION } from '../protocol/version.ts'
import { type ConnectionFlags, connect, errorMessage, withConnection } from './connection.ts'
import { drainLines, pauseLines, runningLines, targetLines, waitingLine, waitingTable } from './status-lines.ts'
import { jsonText, printable, terminalWidth } from './terminal.ts'

export function addPs(program: Command): void {
  withConnection(program.command('ps'))
    .summary('show Ollama, the queue and the running job')
    .addHelpText(
      'before',
      'Shows Ollama (the target), the queue and the running job.\n\nExamples:\n  foreman ps\n  watch foreman ps\n  foreman ps --json | jq .queue.waiting\n',
    )
    .action(async (flags: ConnectionFlags) => {
      const status = await connect(flags).status()
      const text = flags.json === true ? jsonText(status) : statusText(status, terminalWidth(), Date.now())
      process.stdout.write(`${text}\n`)
    })
}

export function statusText(status: StatusDocument, width: number, now: number): string {
  const pause = pauseLines(status, width, now)
  return [
    ...targetLines(status, width, now),
    ...(pause.length === 0 ? [] : ['', ...pause]),
    '',
    ...runningLines(status, width),
    '',
    waitingLine(status),
    ...(status.queue.waiting === 0 ? [] : waitingTable(status, width, now)),
    ...drainLines(status, width, now),
  ].join('\n')
}

/** A sleeping Ollama is not a failure, or a supervisor would restart foreman all night. */
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

/** It fails only for invalid settings, not if no daemon answers. */
export function addVersion(program: Command): void {
  withConnection(program.command('version'), 2_000)
    .summary('print the versions of this program and of the running daemon')
    .addHelpText(
      'before',
      'Prints the versions of this program and of the running daemon.\n\nExamples:\n  foreman version\n',
    )
    .action(async (flags: ConnectionFlags) => {
      const client = connect(flags)
      const answer = await client.status().catch((error: unknown) => {
        if (error instanceof ForemanError) return error
        throw error
      })
      const isError = answer instanceof ForemanError
      if (flags.json === true) {
        const daemon = isError ? null : { version: answer.version, target: answer.target.version }
        process.stdout.write(`${jsonText({ version: VERSION, daemon })}\n`)
        return
      }
      const ollama = isError || answer.target.version === null ? '' : `, Ollama ${answer.target.version}`
      const daemon = isError ? `not known: ${errorMessage(answer)}` : `${answer.version} at ${client.url}${ollama}`
      process.stdout.write(`foreman ${VERSION}\n${printable(`daemon  ${daemon}`)}\n`)
    })
}
