// `foreman completion`, and the hidden command that answers a shell's TAB. Commands, flags and their words come from the
// command tree. Names of models and jobs come from the daemon.

import { Argument, type Command, Help, type Option } from 'commander'
import type { ForemanClient } from '../client/index.ts'
import { SHELL_SCRIPTS } from './completion-scripts.ts'
import { connect } from './connection.ts'

type Candidate = readonly [value: string, about?: string]

/** Values that only the daemon knows, by their name in the usage: `<model>`. */
const FROM_DAEMON: Readonly<Record<string, (client: ForemanClient) => Promise<readonly Candidate[]>>> = {
  model: async (client) => (await client.tags()).models.map(({ name }) => [name]),
  id: async (client) =>
    (await client.list({ limit: 30 })).jobs.map(({ job_id, state, model }) => [
      job_id,
      `${state} ${model}`.replace(/\p{C}/gu, '?'),
    ]),
}

/** Names of values that are files. The shell completes them itself. */
const FILES = ['file', 'path', 'format']
const ASK_SHELL = ':file'

/** A user waits no longer for a TAB. */
const TIMEOUT_MS = 1_000

/** Candidates with other characters are left out: a shell would have to quote them. */
const PLAIN = /^[\w./:@=+,%-]+$/

const HELP = `Prints a shell script that completes commands, flags, models and jobs.

Examples:
  echo 'source <(foreman completion bash)' >>~/.bashrc
  foreman completion zsh >"\${fpath[1]}/_foreman"
  foreman completion fish >~/.config/fish/completions/foreman.fish
`

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(Object.keys(SHELL_SCRIPTS)))
    .summary('print a completion script for bash, zsh or fish')
    .addHelpText('before', HELP)
    .action((shell: keyof typeof SHELL_SCRIPTS) => void process.stdout.write(SHELL_SCRIPTS[shell]))
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .summary('candidates for the next word; called by the scripts of `foreman completion`')
    .addHelpText('before', 'Prints the candidates for the next word.\n\nExamples:\n  foreman complete -- jobs --sta\n')
    .action(async (words: readonly string[]) => {
      const lines = await completions(program, words)
      process.stdout.write(lines.map((line) => `${line}\n`).join(''))
    })
}

/** Returns lines of `value<TAB>description`, or `:file`. The last of `words` is the one being typed. */
async function completions(program: Command, words: readonly string[]): Promise<string[]> {
  const typed = words.at(-1) ?? ''
  const { command, pending, places, isLiteral } = walk(program, words.slice(0, -1))
  const [prefix = ''] = pending !== undefined || isLiteral ? [] : (/^--[\w-]+=/.exec(typed) ?? [])
  const option = prefix === '' ? pending : optionNamed(command, prefix.slice(0, -1))
  const start = typed.slice(prefix.length)
  return (await candidatesFor())
    .filter(([value]) => value === ASK_SHELL || (value.startsWith(start) && PLAIN.test(value)))
    .map(([value, about = '']) => (value === ASK_SHELL ? value : `${prefix}${value}\t${about.replace(/\s+/g, ' ')}`))

  function candidatesFor(): readonly Candidate[] | Promise<readonly Candidate[]> {
    if (option !== undefined) return valuesOf(/[<[]([^>\]]+)/.exec(option.flags)?.[1] ?? '', option.argChoices)
    if (typed.startsWith('-') && !isLiteral) {
      return optionsOf(command).map(({ long, description }) => [long ?? '', description])
    }
    if (places === 0 && command.commands.length > 0) {
      return new Help().visibleCommands(command).map((it) => [it.name(), it.summary()])
    }
    const all = command.registeredArguments
    const argument = all[places] ?? all.find(({ variadic }) => variadic)
    return argument === undefined ? [] : valuesOf(argument.name(), argument.argChoices)
  }
}

async function valuesOf(name: string, choices: readonly string[] | undefined): Promise<readonly Candidate[]> {
  if (choices !== undefined) return choices.map((word) => [word])
  if (FILES.includes(name)) return [[ASK_SHELL]]
  const ask = FROM_DAEMON[name]
  try {
    return ask === undefined ? [] : await ask(connect({ timeout: TIMEOUT_MS }))
  } catch {
    // An error would be printed in the middle of the command line.
    return []
  }
}

/** Options of a command. The first subcommand is the default: `foreman jobs --all` is `foreman jobs list --all`. */
const optionsOf = (command: Command): readonly Option[] =>
  new Help().visibleOptions((command.parent === null ? undefined : command.commands[0]) ?? command)

const optionNamed = (command: Command, name: string): Option | undefined =>
  optionsOf(command).find(({ long, short }) => long === name || short === name)

interface TypedLine {
  readonly command: Command
  /** The last flag, if its value comes next. */
  readonly pending: Option | undefined
  /** Number of arguments so far. */
  readonly places: number
  /** Whether `--` came before: then no word is a flag. */
  readonly isLiteral: boolean
}

function walk(program: Command, words: readonly string[]): TypedLine {
  let command = program
  let pending: Option | undefined
  let places = 0
  let isLiteral = false
  for (const word of words) {
    if (pending !== undefined) pending = undefined
    else if (word === '--') isLiteral = true
    else if (word.startsWith('-') && word !== '-' && !isLiteral) {
      const option = optionNamed(command, word)
      pending = option?.required === true ? option : undefined
    } else {
      const next = places === 0 ? command.commands.find((it) => it.name() === word) : undefined
      if (next === undefined) places++
      else command = next
    }
  }
  return { command, pending, places, isLiteral }
}
