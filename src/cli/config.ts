// `foreman config`: the effective settings and the source of each. It sends no request and masks secrets.

import type { Command } from 'commander'
import type { Effective } from '../daemon/config/load.ts'
import { addConfigCheck } from './config-check.ts'
import { effectiveSettings, type SettingsFlags, withSettings } from './settings-flags.ts'
import { jsonText, printable, table } from './terminal.ts'

const HELP = `Prints the effective settings and the source of each. Secrets are masked. Exits with 78 if \`foreman serve\` would.

Examples:
  foreman config
  foreman config --json
  foreman config --addr :9090 && foreman serve --addr :9090
  foreman config check          # also checks the database's folder and the free disk
`

export function addConfig(program: Command): void {
  const config = program
    .command('config')
    .summary('print or check the effective settings')
    .usage('[command] [--json] [flags of serve]')
    .addHelpText('before', HELP)
  const show = config
    .command('show', { isDefault: true })
    .summary('print the effective settings (also without `show`)')
    .usage('[--json] [flags of serve]')
  withSettings(show.option('--json', 'print one JSON document'))
    .addHelpText('before', HELP)
    .action(({ json, ...flags }: SettingsFlags & { readonly json?: true }) => {
      const { settings, warnings } = effectiveSettings(flags)
      for (const warning of warnings) process.stderr.write(`foreman: warning: ${printable(warning)}\n`)
      process.stdout.write(`${json === true ? jsonText({ settings, warnings }) : settingsText(settings)}\n`)
    })
  addConfigCheck(config, settingsText)
}

function settingsText(settings: readonly Effective[]): string {
  const rows = settings.map(({ name, value, origin }) => [name, value === null ? '–' : printable(value), origin])
  // Not cut to the width of the terminal: part of a value does not help.
  return table(
    [{ heading: 'SETTING' }, { heading: 'VALUE' }, { heading: 'FROM' }],
    rows,
    Number.POSITIVE_INFINITY,
  ).join('\n')
}
