// Owns the flags that `foreman serve` and `foreman config` share, one for each setting that is no secret, and the lines in
// which a bad setting is told.

import { type Command, Option } from 'commander'
import { type Loaded, loadConfig } from '../daemon/config/load.ts'
import { runtimeProblems } from '../daemon/config/node-version.ts'
import { chapters, ENTRIES } from '../daemon/config/render.ts'
import { processSources } from '../daemon/config/sources.ts'
import { plain } from '../daemon/text/grammar.ts'
import { CommandError, EXIT } from './exit.ts'
import { printable } from './terminal.ts'

/** As commander yields them: `--ollama-url` under `ollamaUrl`. */
export type SettingsFlags = Readonly<Record<string, string | true | undefined>>

export function withSettings(command: Command): Command {
  for (const { heading, entries } of chapters()) {
    for (const { flag, noun, about, default: fallback, required, key } of entries) {
      if (flag === null) continue
      // A switch may stand alone.
      const shape = key === 'allowManagement' ? `${flag} [${noun}]` : `${flag} <${noun}>`
      const hint = required ? ' (required)' : fallback === null ? '' : ` (default: ${fallback})`
      command.addOption(new Option(shape, `${plain(about)}${hint}`).helpGroup(`${heading}:`))
    }
  }
  const secrets = ENTRIES.filter(({ secret }) => secret).map(({ name }) => name)
  return command.addHelpText(
    'after',
    `\nEach flag is also an environment variable: --ollama-url is FOREMAN_OLLAMA_URL. A .env in the working directory is read.\nSecrets have no flag: ${secrets.join(', ')}, each also with _FILE.\nAll of it: docs/configuration.md`,
  )
}

/** By variable name, as `loadConfig` wants them. */
function byName(flags: SettingsFlags): Record<string, string | undefined> {
  return Object.fromEntries(
    ENTRIES.filter(({ flag }) => flag !== null).map(({ name, flag }) => {
      const camel = (flag ?? '').slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
      const given = flags[camel]
      return [name, given === true ? 'true' : given]
    }),
  )
}

/** Reads the settings, and everything that is wrong with them or with the Node that runs this program. */
export function readSettings(flags: SettingsFlags): { loaded: Loaded; problems: readonly string[] } {
  const loaded = loadConfig(processSources(byName(flags)))
  const refused = loaded.kind === 'refused' ? loaded.problems.map(({ text }) => text) : []
  return { loaded, problems: [...runtimeProblems(process.versions), ...refused] }
}

/** The settings in force; ends the command with 78 and every problem if they will not do. */
export function effectiveSettings(flags: SettingsFlags): Extract<Loaded, { kind: 'loaded' }> {
  const { loaded, problems } = readSettings(flags)
  if (loaded.kind === 'loaded' && problems.length === 0) return loaded
  const lines = [...loaded.warnings.map((warning) => `warning: ${warning}`), ...problems]
  throw new CommandError(EXIT.config, lines.map((line) => `foreman: ${printable(line)}`).join('\n'))
}
