// Owns the command tree and how a mistyped command ends: usage on stderr, a suggestion, exit 2.

import { Command, CommanderError } from 'commander'
import { ENTRIES } from '../daemon/config/render.ts'
import { VERSION } from '../protocol/version.ts'
import { addBackup } from './backup.ts'
import { addCompletion } from './completion.ts'
import { addConfig } from './config.ts'
import { commandErrorOf } from './connection.ts'
import { EXIT, EXIT_HELP } from './exit.ts'
import { addHealth } from './health.ts'
import { addJobs } from './jobs.ts'
import { addPause, addResume } from './pause.ts'
import { addPs } from './ps.ts'
import { addServe } from './serve.ts'
import { addSubmit } from './submit.ts'
import { addTop } from './top.ts'
import { addVersion } from './version.ts'

const EXAMPLES = `A queue in front of one Ollama server: durable, observable, and unchanged for every Ollama client.

Examples:
  foreman serve --ollama-url http://mac.local:11434    # then point any client at http://127.0.0.1:8080
  foreman submit qwen3:14b "why is the sky blue?"      # waits its turn, prints the answer as it comes
  foreman top                                          # what runs, what waits, for how long
  foreman pause                                        # the GPU is wanted for something else
`

/** The command tree. `exit` is told how the daemon ended. */
export function createProgram(exit: (code: number) => void): Command {
  const program = new Command('foreman')
    .exitOverride()
    .helpOption('-h, --help', 'what can be done, and how')
    .version(VERSION, '-V, --version', "this program's version")
    .showHelpAfterError('(--help shows what there is)')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', `\nExit codes:\n  ${EXIT_HELP}`)
  addServe(program, exit)
  addSubmit(program)
  addJobs(program)
  addPs(program)
  addTop(program)
  addPause(program)
  addResume(program)
  addBackup(program)
  addHealth(program)
  addConfig(program)
  addCompletion(program)
  addVersion(program)
  return program
}

/** Runs one command line; resolves with the exit code. Never throws. */
export async function runCommand(argv: readonly string[]): Promise<number> {
  let code: number = EXIT.ok
  const program = createProgram((daemonCode) => {
    code = daemonCode
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return usageCode(error)
    const { message, exitCode } = commandErrorOf(error)
    if (message !== '') process.stderr.write(`${message}\n`)
    return exitCode
  }
}

/** commander has printed its sentence already; asking for help or for the version is no mistake. */
function usageCode(error: CommanderError): number {
  const [, flag] = /unknown option '(--[\w-]+)/.exec(error.message) ?? []
  const secret = ENTRIES.find(
    ({ name, secret }) => secret && flag === `--${name.slice(8).toLowerCase().replaceAll('_', '-')}`,
  )
  if (secret !== undefined) {
    const why = 'arguments of a process can be read by everybody on its machine'
    process.stderr.write(`Secrets have no flag (${why}): set ${secret.name} or ${secret.name}_FILE.\n`)
  }
  return error.exitCode === 0 ? EXIT.ok : EXIT.usage
}
