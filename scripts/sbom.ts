// Software bill of materials of the program's bundle, as CycloneDX 1.6. It lists the packages that are really inside. It has
// neither a time nor a serial number, so that the same source gives the same file.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BundledPackage } from './bundled-packages.ts'
import { programManifest } from './manifests.ts'

export const SBOM_FILE = 'sbom.cdx.json'

export function sbomOf(packages: readonly BundledPackage[], root: string): string {
  const lock: Lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const { name, version, description, license } = programManifest() as Record<string, string>
  const program = { name: `${name}`, version: `${version}` }
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      lifecycles: [{ phase: 'build' }],
      component: { type: 'application', ...identity(program), description, licenses: [{ expression: license }] },
    },
    components: packages.map((one) => ({
      type: 'library',
      ...identity(one),
      licenses: [{ expression: one.license }],
      hashes: [{ alg: 'SHA-512', content: tarballHash(lock, one.folder) }],
    })),
    dependencies: [
      { ref: purl(program), dependsOn: referencesOf(Object.keys(lock.packages['']?.dependencies ?? {}), packages) },
      ...packages.map((one) => ({ ref: purl(one), dependsOn: referencesOf(one.dependencies, packages) })),
    ],
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

interface Lock {
  readonly packages: Readonly<Record<string, { integrity?: string; dependencies?: Readonly<Record<string, string>> }>>
}

type Named = Pick<BundledPackage, 'name' | 'version'>

/** The package URL; a scope's `@` is encoded. */
const purl = ({ name, version }: Named): string => `pkg:npm/${name.replace('@', '%40')}@${version}`

const identity = (one: Named) => ({ 'bom-ref': purl(one), name: one.name, version: one.version, purl: purl(one) })

/** The hash of the published tarball, from the lock file. `folder` is outside of the root if node_modules is a link. */
function tarballHash(lock: Lock, path: string): string {
  const folder = path.replace(/^.*?(?=node_modules\/)/, '')
  const [, base64] = /^sha512-(.*)$/.exec(lock.packages[folder]?.integrity ?? '') ?? []
  if (base64 === undefined) throw new Error(`package-lock.json has no SHA-512 for ${folder}`)
  return Buffer.from(base64, 'base64').toString('hex')
}

const referencesOf = (names: readonly string[], packages: readonly BundledPackage[]): string[] =>
  packages.filter(({ name }) => names.includes(name)).map(purl)
