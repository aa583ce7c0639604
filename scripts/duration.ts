// Durations on the command line of the scripts: 60s, 10m, 2h.

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }

/** Returns milliseconds. Ends the process with exit 2 and a message if the text is not a duration. */
export function durationOf(name: string, text: string): number {
  const [, digits, unit] = /^(\d{1,6})([smh])$/.exec(text) ?? []
  const ms = UNITS[unit ?? '']
  if (digits === undefined || ms === undefined || Number(digits) === 0) {
    process.stderr.write(`${name} must be a duration such as 60s, 10m or 2h, not ${JSON.stringify(text)}\n`)
    process.exit(2)
  }
  return Number(digits) * ms
}
