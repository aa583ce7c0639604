// Notes of a release: the CHANGELOG's section of its version, for `gh release create`. `node scripts/release-notes.ts v0.2.0`
// prints them. Fails if the tag is not the version in package.json or has no section.

import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** Returns the section without its heading. */
export function releaseNotes(changelog: string, tag: string, version: string): string {
  if (tag !== `v${version}`)
    throw new Error(`tag ${tag} is not v${version}, the version in package.json: change one of them`)
  const lines = changelog.split('\n')
  const isHeading = (line: string): boolean => line.startsWith('## ')
  const start = lines.findIndex((line) => isHeading(line) && line.slice(3).split(' ')[0] === version)
  if (start === -1) throw new Error(`CHANGELOG.md has no section "## ${version}": rename "## Unreleased" to it`)
  const length = lines.slice(start + 1).findIndex(isHeading)
  const section = lines.slice(start + 1, length === -1 ? undefined : start + 1 + length)
  const notes = section.join('\n').trim()
  if (notes === '') throw new Error(`the section "## ${version}" of CHANGELOG.md is empty: say what has changed`)
  return `${notes}\n`
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..')
  const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8')
  process.stdout.write(releaseNotes(changelog, process.argv[2] ?? '', version))
}
