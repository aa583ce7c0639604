// Licence texts of the packages inside a bundle, from the list of its input files.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Returns one section per package, sorted by name. Fails if a package has no licence text: it could not be published. */
export function licensesOf(inputs: readonly string[], root: string): string {
  const folders = new Set(inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []))
  return [...folders]
    .sort()
    .map((folder) => section(join(root, folder)))
    .join('\n')
}

function section(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
  if (file === undefined) throw new Error(`${folder} has no licence text`)
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
}
