// Flags of `foreman serve` and `foreman config`: one for each setting that is not a secret, and the messages for invalid
// settings.

import { type Command, Option } from 'commander'
import { type Loaded, loadConfig } from '../daemon/config/load.ts'
import { runtimeProblems } from '../daemon/config/node-version.ts'
import { chapters, ENTRIES } from '../daemon/config/render.ts'
import { processSources } from '../daemon/config/sources.ts'
import { plain, yesOrNo } from '../daemon/text/grammar.ts'
import { CommandError, EXIT } from './exit.ts'
import { printable } from './terminal.ts'

/** By the names that commander gives them: `--ollama-url` is `ollamaUrl`. */
export type SettingsFlags = Readonly<Record<string, string | true | undefined>>

export function withSettings(command: Command): Command {
  for (const { heading, entries } of chapters()) {
    for (const { flag, noun, about, default: fallback, required } of entries) {
      if (flag === null) continue
      // A boolean flag without a value means true.
      const shape = noun === yesOrNo.noun ? `${flag} [${noun}]` : `${flag} <${noun}>`
      const hint = required ? ' (required)' : fallback === null ? '' : ` (default: ${fallback})`
      command.addOption(new Option(shape, `${plain(about)}${hint}`).helpGroup(`${heading}:`))
    }
  }
  const secrets = ENTRIES.filter(({ secret }) => secret).map(({ name }) => name)
  return command.addHelpText(
    'after',
    `\nEach flag is also an environment variable: --ollama-url is FOREMAN_OLLAMA_URL. A .env in the working directory is read.\nSecrets have no flag: ${secrets.join(', ')}, each also with _FILE.\nFull list: docs/configuration.md`,
  )
}

/** By variable name, as `loadConfig` takes them. */
function byName(flags: SettingsFlags): Record<string, string | undefined> {
  return Object.fromEntries(
    ENTRIES.filter(({ flag }) => flag !== null).map(({ name, flag }) => {
      const camel = (flag ?? '').slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
      const given = flags[camel]
      return [name, given === true ? 'true' : given]
    }),
  )
}

/** Reads the settings, and returns every problem with them or with the running Node version. */
export function readSettings(flags: SettingsFlags): { loaded: Loaded; problems: readonly string[] } {
  const loaded = loadConfig(processSources(byName(flags)))
  const refused = loaded.kind === 'refused' ? loaded.problems.map(({ text }) => text) : []
  return { loaded, problems: [...runtimeProblems(process.versions), ...refused] }
}

/** Returns the effective settings. If one is invalid, ends the command with 78 and prints every problem. */
export function effectiveSettings(flags: SettingsFlags): Extract<Loaded, { kind: 'loaded' }> {
  const { loaded, problems } = readSettings(flags)
  if (loaded.kind === 'loaded' && problems.length === 0) return loaded
  const lines = [...loaded.warnings.map((warning) => `warning: ${warning}`), ...problems]
  throw new CommandError(EXIT.config, lines.map((line) => `foreman: ${printable(line)}`).join('\n'))
}
