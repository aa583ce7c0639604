// Minimum versions of Node and SQLite.

/** Older SQLite versions can lose a committed transaction when a WAL is reset (fixed in 3.51.3). */
const NEEDED = { node: '26.0.0', sqlite: '3.51.3' } as const

/** Returns one sentence for each version that is too old. Pass `process.versions`. */
export function runtimeProblems(versions: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(NEEDED)
    .filter(([name, needed]) => isOlder(versions[name] ?? '0', needed))
    .map(([name, needed]) => `foreman needs ${name} ${needed} or newer; found ${versions[name] ?? 'none'}`)
}

function isOlder(version: string, needed: string): boolean {
  const have = version.split('.').map((part) => Number.parseInt(part, 10))
  for (const [index, part] of needed.split('.').map(Number).entries()) {
    const own = have[index] ?? 0
    if (own !== part) return own < part
  }
  return false
}
