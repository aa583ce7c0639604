// `foreman config check`: whether `foreman serve` would start with these settings. It changes nothing.

import type { Command } from 'commander'
import type { Effective } from '../daemon/config/load.ts'
import { databaseFindings } from './database-findings.ts'
import { CommandError, EXIT } from './exit.ts'
import { readSettings, type SettingsFlags, withSettings } from './settings-flags.ts'
import { targetFinding } from './target-finding.ts'
import { jsonText, printable, table } from './terminal.ts'

/** Result of one check outside the settings. */
export interface Finding {
  readonly about: 'database' | 'free disk' | 'target'
  /** What was found. */
  readonly found: string
  /** One line with the setting, its value, what is wrong and what to do. Null if nothing is wrong. */
  readonly problem: string | null
}

const HELP = `Checks whether \`foreman serve\` would start with these settings, and changes nothing. It prints each setting and its
source, then all problems. It checks the path of the database and the free disk; with --target it also asks Ollama for its
version. Exits with 78 if anything is wrong. Secrets are masked.

Examples:
  foreman config check
  foreman config check --target
  foreman config check --json --db /srv/foreman/foreman.db | jq .problems
`

interface CheckFlags {
  readonly json?: true
  readonly target?: true
}

export function addConfigCheck(config: Command, settingsText: (settings: readonly Effective[]) => string): void {
  const check = config
    .command('check')
    .summary('check settings, database path, free disk and Ollama')
    .usage('[--json] [--target] [flags of serve]')
    .option('--json', 'print one JSON document')
    .option('--target', 'also ask Ollama for its version (no answer is then a problem)')
  withSettings(check)
    .addHelpText('before', HELP)
    .action(async ({ json, target, ...flags }: SettingsFlags & CheckFlags) => {
      const { loaded, problems: wrongSettings } = readSettings(flags)
      const { settings, warnings } = loaded
      const findings: Finding[] = []
      if (loaded.kind === 'loaded') {
        findings.push(...(await databaseFindings(loaded.config)))
        if (target === true) findings.push(await targetFinding(loaded.config))
      }
      const problems = [...wrongSettings, ...findings.flatMap(({ problem }) => problem ?? [])]
      const document = { ok: problems.length === 0, settings, findings, warnings, problems }
      for (const warning of warnings) process.stderr.write(`foreman: warning: ${printable(warning)}\n`)
      process.stdout.write(
        `${json === true ? jsonText(document) : `${settingsText(settings)}${foundText(findings)}`}\n`,
      )
      if (problems.length === 0) return
      throw new CommandError(EXIT.config, problems.map((line) => `foreman: ${printable(line)}`).join('\n'))
    })
}

function foundText(findings: readonly Finding[]): string {
  if (findings.length === 0) return ''
  const rows = findings.map(({ about, found }) => [about, printable(found)])
  return `\n\n${table([{ heading: 'CHECKED' }, { heading: 'FOUND' }], rows, Number.POSITIVE_INFINITY).join('\n')}`
}
