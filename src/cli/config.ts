// Owns `foreman config`: the settings in force and where each comes from. It opens nothing and talks to nobody; secrets are
// only said to be there.

import type { Command } from 'commander'
import type { Effective } from '../daemon/config/load.ts'
import { effectiveSettings, type SettingsFlags, withSettings } from './settings-flags.ts'
import { jsonText, printable, table } from './terminal.ts'

export function addConfig(program: Command): void {
  const command = program
    .command('config')
    .summary('the settings in force, and where each comes from')
    .usage('[--json] [flags of serve]')
  withSettings(command.option('--json', 'print one JSON document'))
    .addHelpText(
      'before',
      'The settings in force, and where each comes from. Secrets are masked. Exits with 78 if `foreman serve` would.\n\nExamples:\n  foreman config\n  foreman config --json\n  foreman config --addr :9090 && foreman serve --addr :9090\n',
    )
    .action(({ json, ...flags }: SettingsFlags & { readonly json?: true }) => {
      const { settings, warnings } = effectiveSettings(flags)
      for (const warning of warnings) process.stderr.write(`foreman: warning: ${printable(warning)}\n`)
      process.stdout.write(`${json === true ? jsonText({ settings, warnings }) : settingsText(settings)}\n`)
    })
}

export function settingsText(settings: readonly Effective[]): string {
  const rows = settings.map(({ name, value, origin }) => [name, value === null ? '–' : printable(value), origin])
  // Not cut to the terminal: a value that is only half shown is of no use here.
  return table(
    [{ heading: 'SETTING' }, { heading: 'VALUE' }, { heading: 'FROM' }],
    rows,
    Number.POSITIVE_INFINITY,
  ).join('\n')
}
