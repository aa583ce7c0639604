// Owns `foreman completion` and what a shell is told when somebody presses TAB. The command tree is the only source: a new
// command or flag completes by itself. Pure but for the names of models and jobs, which the daemon is asked for.

import { Argument, type Command, type Option } from 'commander'
import type { ForemanClient } from '../client/index.ts'
import { SHELL_SCRIPTS } from './completion-scripts.ts'
import { connect } from './connection.ts'
import { PROMPT_ENDPOINTS } from './job-body.ts'
import { STATES } from './job-words.ts'

/** What stands where a value is wanted; the shell completes files itself. */
type Kind = 'model' | 'job' | 'file' | readonly string[]

/** By the name of an argument or of a flag. What is not here is anybody's guess. */
const KINDS: Readonly<Record<string, Kind>> = {
  model: 'model',
  id: 'job',
  name: ['completion', 'response'],
  shell: Object.keys(SHELL_SCRIPTS),
  '--model': 'model',
  '--embed-model': 'model',
  '--state': STATES,
  '--webhook-events': STATES,
  '--endpoint': PROMPT_ENDPOINTS,
  '--think': ['true', 'false', 'low', 'medium', 'high'],
  '--log-level': ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
  '--log-format': ['auto', 'pretty', 'json'],
  '--file': 'file',
  '--body': 'file',
  '--output': 'file',
  '--format': 'file',
  '--db': 'file',
}

/** The command that stands for its parent: `foreman jobs --all` lists. */
const UNSAID: Readonly<Record<string, string>> = { jobs: 'list', config: 'show' }

const optionsOf = (command: Command): readonly Option[] => {
  const unsaid = command.commands.find((it) => it.name() === UNSAID[command.name()])
  return unsaid === undefined ? command.options : [...command.options, ...unsaid.options]
}

export interface CompletionCandidate {
  readonly value: string
  readonly about: string
}

/** Names that only the daemon knows. Empty where it does not answer. */
export interface NameSource {
  models(): Promise<readonly string[]>
  jobs(): Promise<readonly CompletionCandidate[]>
}

const HELP = `Prints what makes a shell complete commands, flags, models and jobs.

Examples:
  echo 'source <(foreman completion bash)' >>~/.bashrc
  foreman completion zsh >"\${fpath[1]}/_foreman"
  foreman completion fish >~/.config/fish/completions/foreman.fish
`

export function addCompletion(program: Command): void {
  program
    .command('completion')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(Object.keys(SHELL_SCRIPTS)))
    .summary('completions for bash, zsh or fish')
    .addHelpText('before', HELP)
    .action((shell: keyof typeof SHELL_SCRIPTS) => void process.stdout.write(SHELL_SCRIPTS[shell]))
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .summary('what could come next; asked by the scripts of `foreman completion`')
    .addHelpText('before', 'What could come next.\n\nExamples:\n  foreman complete -- jobs --sta\n')
    .action(async (words: readonly string[]) => {
      const lines = await completions(program, words, daemonNames())
      process.stdout.write(lines.map((line) => `${line}\n`).join(''))
    })
}

/** Lines of `value<TAB>what it is`, or `:file`. The last word is the one that is being typed. */
export async function completions(program: Command, words: readonly string[], names: NameSource): Promise<string[]> {
  const typed = words.at(-1) ?? ''
  const { command, pending, places, isLiteral } = walk(program, words.slice(0, -1))
  const [, flag, start] = /^(--[\w-]+)=(.*)$/s.exec(typed) ?? []
  if (flag !== undefined && start !== undefined && !isLiteral) {
    return lines(await valuesOf(flag, names), start, `${flag}=`)
  }
  if (pending !== null) return lines(await valuesOf(pending.long ?? '', names), typed)
  if (typed.startsWith('-') && !isLiteral) return lines(flagsOf(command), typed)
  if (command.commands.length > 0 && places === 0) return lines(commandsOf(command), typed)
  const argument = command.registeredArguments[Math.min(places, command.registeredArguments.length - 1)]
  if (argument === undefined || (places >= command.registeredArguments.length && !argument.variadic)) return []
  return lines(await valuesOf(argument.name(), names), typed)
}

interface Walked {
  readonly command: Command
  /** The flag before, that waits for its value. */
  readonly pending: Option | null
  /** Arguments given so far. */
  readonly places: number
  /** Behind `--`, nothing is a flag. */
  readonly isLiteral: boolean
}

function walk(program: Command, words: readonly string[]): Walked {
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
  [...optionsOf(command).filter(({ hidden }) => !hidden), { long: '--help', description: 'what can be done, and how' }]
    .filter(({ long }) => typeof long === 'string')
    .map(({ long, description }) => ({ value: long ?? '', about: description }))

async function valuesOf(name: string, names: NameSource): Promise<readonly CompletionCandidate[] | 'file'> {
  const kind = KINDS[name] ?? []
  if (kind === 'file') return 'file'
  if (kind === 'job') return names.jobs()
  const words = kind === 'model' ? await names.models() : kind
  return words.map((value) => ({ value, about: '' }))
}

/** What a shell would have to quote, or act on, is left out. */
const PLAIN = /^[\w./:@=+,%-]+$/

function lines(candidates: readonly CompletionCandidate[] | 'file', typed: string, prefix = ''): string[] {
  if (candidates === 'file') return [':file']
  return candidates
    .filter(({ value }) => value.startsWith(typed) && PLAIN.test(value))
    .map(({ value, about }) => `${prefix}${value}\t${about.replace(/\s+/g, ' ')}`)
}

/** Nobody waits long for a TAB, and an error message in the middle of a command line helps nobody. */
const PATIENCE_MS = 1_000

function daemonNames(): NameSource {
  const asked = async <T>(ask: (client: ForemanClient) => Promise<readonly T[]>): Promise<readonly T[]> => {
    try {
      return await ask(connect({ timeout: PATIENCE_MS }))
    } catch {
      return []
    }
  }
  return {
    models: () => asked(async (client) => (await client.tags()).models.map(({ name }) => name)),
    jobs: () =>
      asked(async (client) =>
        (await client.list({ limit: 30 })).jobs.map(({ job_id, state, model }) => ({
          value: job_id,
          about: `${state} ${model}`.replace(/\p{C}/gu, '?'),
        })),
      ),
  }
}
