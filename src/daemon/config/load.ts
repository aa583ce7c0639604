// Loading of the settings: from flags, environment, `.env` and defaults to a Config, or to a list of all problems. It
// opens no file except `_FILE`s, and its texts never contain a secret.

import { withoutCredentials } from '../text/address.ts'
import { plain } from '../text/grammar.ts'
import { nearest } from '../text/nearest.ts'
import { cautionsIn, conflictsIn, type Machine } from './conflict.ts'
import { type Dotenv, readDotenv } from './dotenv.ts'
import { type Unreadable, unreadableAddresses } from './interface-addresses.ts'
import { type Config, flagOf, KEYS, KNOWN_NAMES, SETTINGS, type Setting } from './options.ts'

export interface SettingSources {
  /** By variable name; only those that were given. */
  readonly flags: Readonly<Record<string, string | undefined>>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Its text; null if the file does not exist; or the reason why it could not be read. */
  readonly dotenv: string | null | { readonly unreadable: string }
  /** Reads `_FILE`s. Throws as node:fs does. */
  readonly readFile: (path: string) => string
  readonly machine: Omit<Machine, 'addresses'> & { readonly addresses: Machine['addresses'] | Unreadable }
}

export type Origin = 'flag' | 'environment' | '.env' | 'file' | 'default' | 'unset'

/** The value of a setting and its source. */
export interface Effective {
  readonly name: string
  /** As written; null if unset; masked if it is a secret. */
  readonly value: string | null
  readonly origin: Origin
}

export interface Problem {
  /** The variable; `.env` or `machine` if the problem is not about a variable. */
  readonly name: string
  /** One line: the variable, its value (masked if secret), what is wrong, and what is allowed. */
  readonly text: string
}

export type Loaded =
  | {
      readonly kind: 'loaded'
      readonly config: Config
      readonly settings: readonly Effective[]
      readonly warnings: readonly string[]
    }
  | {
      readonly kind: 'refused'
      readonly problems: readonly Problem[]
      /** Those that could be read. */
      readonly settings: readonly Effective[]
      readonly warnings: readonly string[]
    }

export const MASK = '********'

/** A value before it is parsed. */
interface Written {
  readonly text: string
  readonly origin: Exclude<Origin, 'default' | 'unset'>
}

export function loadConfig(sources: SettingSources): Loaded {
  const problems: Problem[] = []
  const dotenv = dotenvOf(sources, problems)
  const warnings = [...remarksOf(dotenv), ...unknownNames(sources.env, dotenv.values)]
  const settings: Effective[] = []
  const config: { -readonly [K in keyof Config]?: Config[K] } = {}

  const fill = <K extends keyof Config>(key: K): void => {
    const setting: Setting<Config[K]> = SETTINGS[key]
    const written = writtenFor(setting, sources, dotenv.values, problems)
    if (written === 'refused') return
    const text = written?.text ?? ('default' in setting ? setting.default : null)
    if (text === null) {
      if ('absent' in setting) config[key] = setting.absent
      else problems.push({ name: setting.name, text: `${setting.name} is required: ${plain(setting.parser.allowed)}` })
      settings.push({ name: setting.name, value: null, origin: 'unset' })
      return
    }
    const parsed = setting.parser.parse(text)
    if (parsed.kind === 'refused') problems.push(problemOf(setting, text, parsed.why, written?.origin ?? 'default'))
    else config[key] = parsed.value
    // A refused URL may contain credentials.
    const shown = parsed.kind === 'refused' ? withoutCredentials(text) : text
    const value = setting.secret === true ? MASK : shown
    settings.push({ name: setting.name, value, origin: written?.origin ?? 'default' })
  }
  for (const key of KEYS) fill(key)

  const { hostname, addresses } = sources.machine
  if ('unreadable' in addresses) problems.push({ name: 'machine', text: unreadableAddresses(addresses) })
  if (problems.length > 0 || 'unreadable' in addresses) return { kind: 'refused', problems, settings, warnings }
  // Every key has a value, or a problem was reported.
  const whole = config as Config
  for (const { name, why } of conflictsIn(whole, { hostname, addresses })) {
    const value = settings.find((setting) => setting.name === name)?.value ?? ''
    problems.push({ name, text: `${name}=${value} ${why}` })
  }
  if (problems.length > 0) return { kind: 'refused', problems, settings, warnings }
  return { kind: 'loaded', config: whole, settings, warnings: [...warnings, ...cautionsIn(whole)] }
}

function problemOf(setting: Setting<unknown>, text: string, why: string, origin: Origin): Problem {
  const { name, parser, secret } = setting
  const shown = secret === true ? MASK : withoutCredentials(text)
  const from = origin === 'flag' ? ` (${flagOf(setting)})` : origin === '.env' ? ' (.env)' : ''
  const cut = shown.length > 200 ? `${shown.slice(0, 200)}…` : shown
  return { name, text: `${name}=${cut}${from} ${why}; allowed: ${plain(parser.allowed)}` }
}

/**
 * Returns the value by precedence; null if it is not set. An empty value counts as not set, except for secrets, where
 * that would leave foreman open.
 */
export function writtenFor(
  setting: Pick<Setting<unknown>, 'name' | 'secret' | 'parser'>,
  sources: Pick<SettingSources, 'flags' | 'env' | 'readFile'>,
  dotenv: Dotenv['values'],
  problems: Problem[],
): Written | null | 'refused' {
  if (setting.secret === true) return secretFor(setting.name, sources, dotenv, problems)
  const flag = sources.flags[setting.name]
  if (flag !== undefined) return { text: flag.trim(), origin: 'flag' }
  const env = sources.env[setting.name]?.trim() ?? ''
  if (env !== '') return { text: env, origin: 'environment' }
  const file = dotenv[setting.name]?.trim() ?? ''
  return file === '' ? null : { text: file, origin: '.env' }
}

function secretFor(
  name: string,
  { env, readFile }: Pick<SettingSources, 'env' | 'readFile'>,
  dotenv: Dotenv['values'],
  problems: Problem[],
): Written | null | 'refused' {
  const problem = (text: string): 'refused' => {
    problems.push({ name, text })
    return 'refused'
  }
  const fileName = `${name}_FILE`
  const text = env[name] ?? dotenv[name]
  const path = env[fileName] ?? dotenv[fileName]
  if (text !== undefined && path !== undefined) return problem(`${name} and ${fileName} are both set: set only one`)
  if (text === '') return problem(`${name} is set but empty: give it a value, or unset it`)
  if (text !== undefined) return { text, origin: env[name] === undefined ? '.env' : 'environment' }
  if (path === undefined) return null
  if (path === '') return problem(`${fileName} is set but empty: give it a path, or unset it`)
  try {
    // Editors add one line break at the end. A second one is a mistake, and is reported by the parser.
    const content = readFile(path).replace(/\r?\n$/, '')
    return content === '' ? problem(`${fileName}=${path} is an empty file`) : { text: content, origin: 'file' }
  } catch (error) {
    return problem(`${fileName}=${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

export function dotenvOf({ dotenv }: Pick<SettingSources, 'dotenv'>, problems: Problem[]): Dotenv {
  if (dotenv === null) return { values: {}, remarks: [] }
  if (typeof dotenv !== 'string') {
    problems.push({ name: '.env', text: `.env cannot be read: ${dotenv.unreadable}` })
    return { values: {}, remarks: [] }
  }
  const read = readDotenv(dotenv)
  for (const { line, text } of read.remarks.filter(({ serious }) => serious)) {
    problems.push({ name: '.env', text: `.env line ${line} ${text}` })
  }
  return read
}

const remarksOf = ({ remarks }: Dotenv): string[] =>
  remarks.filter(({ serious }) => !serious).map(({ line, text }) => `.env line ${line} ${text}`)

/** Names that other programs use. `nearest` would suggest FOREMAN_HOSTS for FOREMAN_PORT. */
const FAMILIAR_NAMES: Readonly<Record<string, string>> = { FOREMAN_PORT: 'FOREMAN_ADDR' }

/** Unknown names that begin with FOREMAN_: most likely a typo, which would leave the default in effect. */
function unknownNames(...layers: readonly Readonly<Record<string, string | undefined>>[]): string[] {
  const names = new Set(layers.flatMap((layer) => Object.keys(layer)).filter((name) => /^FOREMAN_/i.test(name)))
  return [...names]
    .filter((name) => !KNOWN_NAMES.includes(name))
    .sort()
    .map((name) => {
      const suggestion = FAMILIAR_NAMES[name.toUpperCase()] ?? nearest(name.toUpperCase(), KNOWN_NAMES)
      return suggestion === null
        ? `${name} is not a setting of foreman and is ignored`
        : `${name} is not a setting of foreman and is ignored (did you mean ${suggestion}?)`
    })
}
