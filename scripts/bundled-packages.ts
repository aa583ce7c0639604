// Packages inside a bundle, from the list of its input files.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface BundledPackage {
  /** Path from the root, such as `node_modules/pino`. */
  readonly folder: string
  readonly name: string
  readonly version: string
  /** An SPDX expression. */
  readonly license: string
  /** Dependencies in its manifest. Some may not be in the bundle. */
  readonly dependencies: readonly string[]
}

/** Returns each package once, sorted by folder. `inputs` are paths from `root`. */
export function bundledPackages(inputs: readonly string[], root: string): BundledPackage[] {
  const folders = new Set(inputs.flatMap((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []))
  return [...folders].sort().map((folder) => {
    const {
      name,
      version,
      license,
      dependencies = {},
    } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
    return { folder, name, version, license, dependencies: Object.keys(dependencies) }
  })
}
