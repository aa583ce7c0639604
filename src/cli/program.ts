// Command tree. A mistyped command prints its usage and a suggestion to stderr and exits with 2.

import { Command, CommanderError } from 'commander'
import { flagFor, SETTINGS } from '../daemon/config/options.ts'
import { VERSION } from '../protocol/version.ts'
import { addBackup } from './backup.ts'
import { addCompletion } from './completion.ts'
import { addConfig } from './config.ts'
import { commandErrorOf, usageErrorText } from './connection.ts'
import { EXIT, EXIT_HELP } from './exit.ts'
import { addJobs } from './jobs.ts'
import { addPause, addResume } from './pause.ts'
import { addServe } from './serve.ts'
import { addHealth, addPs, addVersion } from './status.ts'
import { addSubmit } from './submit.ts'
import { loadDisplayWidth } from './terminal.ts'
import { addTop } from './top.ts'

const EXAMPLES = `A durable, observable queue in front of one Ollama server. Ollama clients work unchanged.

Examples:
  foreman serve --ollama-url http://mac.local:11434    # then point any client at http://127.0.0.1:8080
  foreman submit qwen3:14b "why is the sky blue?"      # waits in the queue, then prints the answer as it is written
  foreman top                                          # what is running, what is waiting, and for how long
  foreman pause                                        # to use the GPU for something else
`

/** Commands that print no table, and start often or must start fast. */
const DRAW_NOTHING = ['serve', 'health', 'version', 'completion', 'complete']

/** The command tree. `exit` is called with the exit code of the daemon when `foreman serve` ends. */
export function createProgram(exit: (code: number) => void): Command {
  const program = new Command('foreman')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(usageErrorText(text)) })
    .helpOption('-h, --help', 'show this help')
    .version(VERSION, '-V, --version', "this program's version")
    .showHelpAfterError('(run it with --help for usage)')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', `\nExit codes:\n  ${EXIT_HELP}`)
    .hook('preAction', (_, command) => (DRAW_NOTHING.includes(command.name()) ? undefined : loadDisplayWidth()))
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
  for (const group of [program, ...program.commands.filter(({ commands }) => commands.length > 0)]) {
    group.helpCommand('help [command]', 'show the help of a command')
  }
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

/** commander has printed its message already. `--help` and `--version` end with 0. */
function usageCode(error: CommanderError): number {
  const [, flag] = /unknown option '(--[\w-]+)/.exec(error.message) ?? []
  const secret = Object.values(SETTINGS).find(({ name, secret }) => secret && flag === flagFor(name))
  if (secret !== undefined) {
    const why = 'every user of the machine can read the arguments of a process'
    process.stderr.write(`Secrets have no flag (${why}): set ${secret.name} or ${secret.name}_FILE.\n`)
  }
  return error.exitCode === 0 ? EXIT.ok : EXIT.usage
}
