// `foreman config` and `foreman config check`: the effective settings, and whether `foreman serve` would start with them.
// They change nothing and mask secrets.

import type { Command } from 'commander'
import type { Effective } from '../daemon/config/load.ts'
import { databaseFindings, type Finding, targetFinding } from './config-findings.ts'
import { CommandError, EXIT } from './exit.ts'
import { effectiveSettings, readSettings, type SettingsFlags, withSettings } from './settings-flags.ts'
import { jsonText, printable, table } from './terminal.ts'

const HELP = `Prints the effective settings and the source of each. Secrets are masked. Exits with 78 if \`foreman serve\` would.

Examples:
  foreman config
  foreman config --json
  foreman config --addr :9090 && foreman serve --addr :9090
  foreman config check          # also checks the database's folder and the free disk
`

const CHECK_HELP = `Checks whether \`foreman serve\` would start with these settings, and changes nothing. It prints each setting and its
source, then all problems. It checks the path of the database and the free disk; with --target it also asks Ollama for its
version. Exits with 78 if anything is wrong. Secrets are masked.

Examples:
  foreman config check
  foreman config check --target
  foreman config check --json --db /srv/foreman/foreman.db | jq .problems
`

interface ConfigFlags {
  readonly json?: true
  readonly target?: true
}

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
    .option('--json', 'print one JSON document')
  withSettings(show)
    .addHelpText('before', HELP)
    .action(({ json, ...flags }: SettingsFlags & ConfigFlags) => {
      const { settings, warnings } = effectiveSettings(flags)
      print({ settings, warnings }, json)
    })
  const check = config
    .command('check')
    .summary('check settings, database path, free disk and Ollama')
    .usage('[--json] [--target] [flags of serve]')
    .option('--json', 'print one JSON document')
    .option('--target', 'also ask Ollama for its version (no answer is then a problem)')
  withSettings(check)
    .addHelpText('before', CHECK_HELP)
    .action(async ({ json, target, ...flags }: SettingsFlags & ConfigFlags) => {
      const { loaded, problems: wrongSettings } = readSettings(flags)
      const { settings, warnings } = loaded
      const findings: Finding[] = []
      if (loaded.kind === 'loaded') {
        findings.push(...(await databaseFindings(loaded.config)))
        if (target === true) findings.push(await targetFinding(loaded.config))
      }
      const problems = [...wrongSettings, ...findings.flatMap(({ problem }) => problem ?? [])]
      print({ ok: problems.length === 0, settings, findings, warnings, problems }, json)
      if (problems.length === 0) return
      throw new CommandError(EXIT.config, problems.map((line) => `foreman: ${printable(line)}`).join('\n'))
    })
}

interface ConfigDocument {
  readonly settings: readonly Effective[]
  readonly warnings: readonly string[]
  readonly findings?: readonly Finding[]
}

function print(document: ConfigDocument & Record<string, unknown>, json: true | undefined): void {
  const { settings, warnings, findings = [] } = document
  for (const warning of warnings) process.stderr.write(`foreman: warning: ${printable(warning)}\n`)
  const values = settings.map(({ name, value, origin }) => [name, value ?? '–', origin])
  const found = findings.map((finding) => [finding.about, finding.found])
  const lines = [...columns(['SETTING', 'VALUE', 'FROM'], values)]
  if (found.length > 0) lines.push('', ...columns(['CHECKED', 'FOUND'], found))
  process.stdout.write(`${json === true ? jsonText(document) : lines.join('\n')}\n`)
}

/** Not cut to the width of the terminal: part of a value does not help. */
const columns = (headings: readonly string[], rows: readonly (readonly string[])[]): string[] =>
  table(
    headings.map((heading) => ({ heading })),
    rows.map((row) => row.map(printable)),
    Number.POSITIVE_INFINITY,
  )
