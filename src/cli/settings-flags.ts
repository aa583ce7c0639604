// Flags of `foreman serve` and `foreman config`: one for each setting that is not a secret, and the messages for invalid
// settings.

import { type Command, Option } from 'commander'
import { type Loaded, loadConfig } from '../daemon/config/load.ts'
import { flagOf, SETTINGS } from '../daemon/config/options.ts'
import { CHAPTERS, defaultOf } from '../daemon/config/render.ts'
import { processSources } from '../daemon/config/sources.ts'
import { plain, yesOrNo } from '../daemon/text/grammar.ts'
import { withChoices } from './connection.ts'
import { CommandError, EXIT } from './exit.ts'
import { printable } from './terminal.ts'

/** By the names that commander gives them: `--ollama-url` is `ollamaUrl`. */
export type SettingsFlags = Readonly<Record<string, string | true | undefined>>

export function withSettings(command: Command): Command {
  for (const { heading, settings } of CHAPTERS) {
    for (const setting of settings) {
      const flag = flagOf(setting)
      if (flag === null) continue
      const { about, parser } = setting
      // A boolean flag without a value means true.
      const shape = parser === yesOrNo ? `${flag} [${parser.noun}]` : `${flag} <${parser.noun}>`
      const fallback = defaultOf(setting)
      const hint = 'required' in setting ? ' (required)' : fallback === null ? '' : ` (default: ${fallback})`
      const option = new Option(shape, `${plain(about)}${hint}`).helpGroup(`${heading}:`)
      // `loadConfig` checks the value, with all the others.
      command.addOption(withChoices(option, parser.words))
    }
  }
  const secrets = Object.values(SETTINGS).flatMap(({ name, secret }) => (secret === true ? name : []))
  return command.addHelpText(
    'after',
    `\nEach flag is also an environment variable: --ollama-url is FOREMAN_OLLAMA_URL. A .env in the working directory is read.\nSecrets have no flag: ${secrets.join(', ')}, each also with _FILE.\nFull list: docs/configuration.md`,
  )
}

/** By variable name, as `loadConfig` takes them: `ollamaUrl` is FOREMAN_OLLAMA_URL. */
const byName = (flags: SettingsFlags): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(flags).map(([key, given]) => [
      `FOREMAN_${key.replace(/[A-Z]/g, '_$&').toUpperCase()}`,
      given === true ? 'true' : given,
    ]),
  )

/** Older SQLite versions can lose a committed transaction when a WAL is reset (fixed in 3.51.3). */
const NEEDED = { node: '26.0.0', sqlite: '3.51.3' } as const

/** Returns one sentence for each version that is too old. Pass `process.versions`. */
export const runtimeProblems = (versions: Readonly<Record<string, string | undefined>>): string[] =>
  Object.entries(NEEDED).flatMap(([name, needed]) => {
    const found = versions[name]
    const isOld = (found ?? '0').localeCompare(needed, 'en', { numeric: true }) < 0
    return isOld ? `foreman needs ${name} ${needed} or newer; found ${found ?? 'none'}` : []
  })

/** Reads the settings, and returns every problem with them or with the running Node version. */
export function readSettings(flags: SettingsFlags): { loaded: Loaded; problems: readonly string[] } {
  const loaded = loadConfig(processSources(byName(flags)))
  const refused = loaded.kind === 'refused' ? loaded.problems : []
  return { loaded, problems: [...runtimeProblems(process.versions), ...refused] }
}

/** Returns the effective settings. If one is invalid, ends the command with 78 and prints every problem. */
export function effectiveSettings(flags: SettingsFlags): Extract<Loaded, { kind: 'loaded' }> {
  const { loaded, problems } = readSettings(flags)
  if (loaded.kind === 'loaded' && problems.length === 0) return loaded
  const lines = [...loaded.warnings.map((warning) => `warning: ${warning}`), ...problems]
  throw new CommandError(EXIT.config, lines.map((line) => `foreman: ${printable(line)}`).join('\n'))
}
