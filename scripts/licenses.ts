// Licence texts of the packages inside a bundle.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BundledPackage } from './bundled-packages.ts'

/** Returns one section per package. Fails if a package has no licence text: it could not be published. */
export function licensesOf(packages: readonly BundledPackage[], root: string): string {
  return packages.map(({ folder, ...named }) => section(join(root, folder), named)).join('\n')
}

function section(folder: string, { name, version, license }: Omit<BundledPackage, 'folder'>): string {
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
  if (file === undefined) throw new Error(`${folder} has no licence text`)
  return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
}
