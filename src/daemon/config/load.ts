// Loading of the settings: from flags, environment, `.env` and defaults to a Config, or to a list of all problems. It
// opens no file except `_FILE`s, and its texts never contain a secret.

import { parseEnv } from 'node:util'
import { withoutCredentials } from '../text/address.ts'
import { plain } from '../text/grammar.ts'
import { nearest } from '../text/nearest.ts'
import { fileErrorText } from '../text/system-error.ts'
import { cautionsIn, conflictsIn } from './conflict.ts'
import { type Config, flagOf, KEYS, KNOWN_NAMES, SETTINGS, type Setting } from './options.ts'
import { type SettingSources, unreadableAddresses } from './sources.ts'

export type Origin = 'flag' | 'environment' | '.env' | 'file' | 'default' | 'unset'

/** The value of a setting and its source. */
export interface Effective {
  readonly name: string
  /** As written; null if unset; masked if it is a secret. */
  readonly value: string | null
  readonly origin: Origin
}

export type Loaded = {
  /** All settings if `kind` is `loaded`; else those that could be read. */
  readonly settings: readonly Effective[]
  readonly warnings: readonly string[]
} & (
  | { readonly kind: 'loaded'; readonly config: Config }
  /** Each problem is one line: the variable, its value (masked if secret), what is wrong, and what is allowed. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] }
)

export const MASK = '********'

export function loadConfig(sources: SettingSources): Loaded {
  const problems: string[] = []
  const layers = layersOf(sources, problems)
  const warnings = unknownNames(layers.env, layers.dotenv)
  const settings: Effective[] = []
  const config: { -readonly [K in keyof Config]?: Config[K] } = {}
  const fill = <K extends keyof Config>(key: K): void => {
    const { value, effective } = readSetting(SETTINGS[key], layers, problems)
    if (value !== undefined) config[key] = value
    if (effective !== undefined) settings.push(effective)
  }
  for (const key of KEYS) fill(key)

  const { hostname, addresses } = sources.machine
  if ('unreadable' in addresses) problems.push(unreadableAddresses(addresses))
  if (problems.length > 0 || 'unreadable' in addresses) return { kind: 'refused', problems, settings, warnings }
  // Every key has a value, or a problem was reported.
  const whole = config as Config
  for (const { name, why } of conflictsIn(whole, { hostname, addresses })) {
    const value = settings.find((setting) => setting.name === name)?.value ?? ''
    problems.push(`${name}=${value} ${why}`)
  }
  if (problems.length > 0) return { kind: 'refused', problems, settings, warnings }
  return { kind: 'loaded', config: whole, settings, warnings: [...warnings, ...cautionsIn(whole)] }
}

/** Where a value may stand, by precedence: flags, environment, `.env`. */
interface Layers extends Pick<SettingSources, 'flags' | 'env' | 'readFile'> {
  readonly dotenv: Readonly<Record<string, string | undefined>>
}

/**
 * Reads one setting. If it is refused, the reason is added to `problems` and `value` is undefined. `effective` is undefined
 * if the text of the setting could not be read either.
 */
export function readSetting<T>(
  setting: Setting<T>,
  layers: Layers,
  problems: string[],
): { readonly value?: T; readonly effective?: Effective } {
  const { name, parser, secret } = setting
  const written = secret === true ? secretFor(name, layers, problems) : writtenFor(name, layers)
  if (written === 'refused') return {}
  const text = written?.text ?? ('default' in setting ? setting.default : null)
  if (text === null) {
    const effective = { name, value: null, origin: 'unset' } as const
    if ('absent' in setting) return { value: setting.absent, effective }
    const where = `as a variable or as ${flagOf(setting)}`
    problems.push(`${name} is required, ${where}: ${plain(parser.allowed)}`)
    return { effective }
  }
  const origin = written?.origin ?? 'default'
  const parsed = parser.parse(text)
  if (parsed.kind === 'value') return { value: parsed.value, effective: { name, value: secret ? MASK : text, origin } }
  // A refused URL may contain credentials.
  const value = secret === true ? MASK : withoutCredentials(text)
  const cut = value.length > 200 ? `${value.slice(0, 200)}…` : value
  const from = origin === 'flag' ? ` (${flagOf(setting)})` : origin === '.env' ? ' (.env)' : ''
  problems.push(`${name}=${cut}${from} ${parsed.why}; allowed: ${plain(parser.allowed)}`)
  return { effective: { name, value, origin } }
}

/** A value before it is parsed. */
interface Written {
  readonly text: string
  readonly origin: Exclude<Origin, 'default' | 'unset'>
}

/** Returns null if the setting is not set. An empty value counts as not set, except in a flag. */
function writtenFor(name: string, { flags, env, dotenv }: Layers): Written | null {
  const flag = flags[name]
  if (flag !== undefined) return { text: flag.trim(), origin: 'flag' }
  const variable = env[name]?.trim() ?? ''
  if (variable !== '') return { text: variable, origin: 'environment' }
  const line = dotenv[name]?.trim() ?? ''
  return line === '' ? null : { text: line, origin: '.env' }
}

/** Returns null if the secret is not set. An empty one is refused: it would leave foreman open. */
function secretFor(name: string, { env, dotenv, readFile }: Layers, problems: string[]): Written | null | 'refused' {
  const problem = (text: string): 'refused' => {
    problems.push(text)
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
    return problem(`${fileName}=${path} cannot be read: ${fileErrorText(error)}`)
  }
}

/** Parses the `.env`, if there is one. */
export function layersOf(
  { flags, env, readFile, dotenv: text }: Omit<SettingSources, 'machine'>,
  problems: string[],
): Layers {
  if (text !== null && typeof text !== 'string') {
    problems.push(`.env cannot be read: ${text.unreadable}`)
  }
  const read = readDotenv(typeof text === 'string' ? text : '')
  problems.push(...read.problems)
  return { flags, env, readFile, dotenv: read.values }
}

/**
 * Parses a `.env` with Node's own parser. A line about a variable of foreman that the parser skips or cuts is a problem: the
 * value would differ from what is written. Only its number is shown, because it may contain a secret.
 */
export function readDotenv(text: string): { readonly values: Layers['dotenv']; readonly problems: readonly string[] } {
  // With the BOM the first name would be wrong (Node 26 keeps it).
  const plainText = text.replace(/^\uFEFF/, '')
  const values = parseEnv(plainText)
  const problems = plainText.split('\n').flatMap((line, index) => {
    const [, name = '', rest = ''] = /^\s*(?:export\s+)?(FOREMAN_\w*)(.*)/.exec(line) ?? []
    const problem = (why: string): string => `.env line ${index + 1} ${why}`
    if (name !== '' && values[name] === undefined) return problem('is not understood: write NAME=value')
    if (/^\s*=\s*[^\s"'`#][^#]*(?<=\S)#/.test(rest)) {
      return problem('contains a # that would cut the value: put the value in quotes')
    }
    return []
  })
  return { values, problems }
}

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
