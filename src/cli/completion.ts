// `foreman completion`, and the hidden command that answers a shell's TAB. Commands, flags and their words come from the
// command tree and the settings table. Names of models and jobs come from the daemon.

import { Argument, type Command, type Option } from 'commander'
import type { ForemanClient } from '../client/index.ts'
import { ENTRIES } from '../daemon/config/render.ts'
import { SHELL_SCRIPTS } from './completion-scripts.ts'
import { connect } from './connection.ts'
import { PROMPT_ENDPOINTS } from './job-body.ts'
import { STATES } from './job-words.ts'

/** What completes a value: names from the daemon, files (which the shell completes itself), or these words. */
type Kind = 'model' | 'job' | 'file' | readonly string[]

/** By the name of an argument or flag, where neither its choices nor the settings table have its words. */
const KINDS: Readonly<Record<string, Kind>> = {
  model: 'model',
  id: 'job',
  name: ['completion', 'response'],
  '--model': 'model',
  '--embed-model': 'model',
  '--webhook-events': STATES,
  '--endpoint': PROMPT_ENDPOINTS,
  '--file': 'file',
  '--body': 'file',
  '--output': 'file',
  '--format': 'file',
  '--db': 'file',
}

/** The words of the settings that are one of several, by flag: `--log-level`, `--allow-management`. */
const SETTING_WORDS = new Map(ENTRIES.map(({ flag, words }) => [flag ?? '', words]))

/** The default subcommand of a command: `foreman jobs --all` is `foreman jobs list --all`. */
const DEFAULT_COMMAND: Readonly<Record<string, string>> = { jobs: 'list', config: 'show' }

const optionsOf = (command: Command): readonly Option[] => {
  const implied = command.commands.find((it) => it.name() === DEFAULT_COMMAND[command.name()])
  return implied === undefined ? command.options : [...command.options, ...implied.options]
}

export interface CompletionCandidate {
  readonly value: string
  readonly about: string
}

/** Names that only the daemon knows. Empty if it does not answer. */
export interface NameSource {
  models(): Promise<readonly string[]>
  jobs(): Promise<readonly CompletionCandidate[]>
}

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
      const lines = await completions(program, words, daemonNames())
      process.stdout.write(lines.map((line) => `${line}\n`).join(''))
    })
}

/** Returns lines of `value<TAB>description`, or `:file`. The last of `words` is the one being typed. */
export async function completions(program: Command, words: readonly string[], names: NameSource): Promise<string[]> {
  const typed = words.at(-1) ?? ''
  const { command, pending, places, isLiteral } = walk(program, words.slice(0, -1))
  const [, flag, start] = /^(--[\w-]+)=(.*)$/s.exec(typed) ?? []
  if (flag !== undefined && start !== undefined && !isLiteral) {
    const option = optionsOf(command).find(({ long }) => long === flag)
    return lines(await valuesOf(flag, names, option?.argChoices), start, `${flag}=`)
  }
  if (pending !== null) return lines(await valuesOf(pending.long ?? '', names, pending.argChoices), typed)
  if (typed.startsWith('-') && !isLiteral) return lines(flagsOf(command), typed)
  if (command.commands.length > 0 && places === 0) return lines(commandsOf(command), typed)
  const argument = command.registeredArguments[Math.min(places, command.registeredArguments.length - 1)]
  if (argument === undefined || (places >= command.registeredArguments.length && !argument.variadic)) return []
  return lines(await valuesOf(argument.name(), names, argument.argChoices), typed)
}

interface TypedLine {
  readonly command: Command
  /** The last flag, if its value comes next. */
  readonly pending: Option | null
  /** Number of arguments so far. */
  readonly places: number
  /** Whether `--` came before: then no word is a flag. */
  readonly isLiteral: boolean
}

function walk(program: Command, words: readonly string[]): TypedLine {
  let command = program
  let pending: Option | null = null
  let places = 0
  let isLiteral = false
  for (const word of words) {
    if (pending !== null) pending = null
    else if (word === '--') isLiteral = true
    else if (word.startsWith('-') && word !== '-' && !isLiteral) {
      const option: Option | undefined = optionsOf(command).find(({ long, short }) => long === word || short === word)
      pending = option?.required === true ? option : null
    } else {
      const next = places === 0 ? command.commands.find((it) => it.name() === word) : undefined
      if (next === undefined) places++
      else command = next
    }
  }
  return { command, pending, places, isLiteral }
}

const isHidden = (command: Command): boolean => '_hidden' in command && command._hidden === true

const commandsOf = (command: Command): CompletionCandidate[] =>
  command.commands.filter((it) => !isHidden(it)).map((it) => ({ value: it.name(), about: it.summary() }))

const flagsOf = (command: Command): CompletionCandidate[] =>
  [...optionsOf(command).filter(({ hidden }) => !hidden), { long: '--help', description: 'show this help' }]
    .filter(({ long }) => typeof long === 'string')
    .map(({ long, description }) => ({ value: long ?? '', about: description }))

async function valuesOf(
  name: string,
  names: NameSource,
  choices: readonly string[] | undefined,
): Promise<readonly CompletionCandidate[] | 'file'> {
  const kind = choices ?? KINDS[name] ?? SETTING_WORDS.get(name) ?? []
  if (kind === 'file') return 'file'
  if (kind === 'job') return names.jobs()
  const words = kind === 'model' ? await names.models() : kind
  return words.map((value) => ({ value, about: '' }))
}

/** Candidates with other characters are left out: a shell would have to quote them. */
const PLAIN = /^[\w./:@=+,%-]+$/

function lines(candidates: readonly CompletionCandidate[] | 'file', typed: string, prefix = ''): string[] {
  if (candidates === 'file') return [':file']
  return candidates
    .filter(({ value }) => value.startsWith(typed) && PLAIN.test(value))
    .map(({ value, about }) => `${prefix}${value}\t${about.replace(/\s+/g, ' ')}`)
}

/** A user waits no longer for a TAB. Errors are not shown: they would appear in the middle of the command line. */
const TIMEOUT_MS = 1_000

function daemonNames(): NameSource {
  const orNone = async <T>(ask: (client: ForemanClient) => Promise<readonly T[]>): Promise<readonly T[]> => {
    try {
      return await ask(connect({ timeout: TIMEOUT_MS }))
    } catch {
      return []
    }
  }
  return {
    models: () => orNone(async (client) => (await client.tags()).models.map(({ name }) => name)),
    jobs: () =>
      orNone(async (client) =>
        (await client.list({ limit: 30 })).jobs.map(({ job_id, state, model }) => ({
          value: job_id,
          about: `${state} ${model}`.replace(/\p{C}/gu, '?'),
        })),
      ),
  }
}
