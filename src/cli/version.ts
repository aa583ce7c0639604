// `foreman version`: the version of this program, and of the daemon if it answers. It fails only for invalid settings.

import type { Command } from 'commander'
import { ForemanError } from '../client/index.ts'
import { VERSION } from '../protocol/version.ts'
import { type ConnectionFlags, connect, withConnection } from './connection.ts'
import { jsonText, printable } from './terminal.ts'

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
      const daemon = isError ? `not known: ${answer.message}` : `${answer.version} at ${client.url}${ollama}`
      process.stdout.write(`foreman ${VERSION}\n${printable(`daemon  ${daemon}`)}\n`)
    })
}
