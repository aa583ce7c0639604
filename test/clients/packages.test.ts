// The three npm packages as they are published: their manifests, files, types and bill of materials, judged by public tools.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { Spec, Validation } from '@cyclonedx/cyclonedx-library'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildPackage } from '../../scripts/build-package.ts'
import { buildProgram } from '../../scripts/build-program.ts'

const BUILDS = {
  'ollama-foreman': buildProgram,
  'foreman-client': () => buildPackage({ part: 'client' }),
  'foreman-ai-sdk': () => buildPackage({ part: 'ai-sdk' }),
}
const NAMES = Object.keys(BUILDS) as (keyof typeof BUILDS)[]

const folder = mkdtempSync(join(tmpdir(), 'foreman-packages-'))
const built = new Map<string, { readonly pkgDir: string; readonly tarball: Buffer }>()

beforeAll(async () => {
  for (const name of NAMES) {
    const pkgDir = await BUILDS[name]()
    const packed = execFileSync('npm', ['pack', pkgDir, '--silent', '--pack-destination', folder], { encoding: 'utf8' })
    built.set(name, { pkgDir, tarball: readFileSync(join(folder, packed.trim())) })
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const the = (name: string) => built.get(name) ?? expect.unreachable(`${name} was not built`)
const bytesOf = (tarball: Buffer): ArrayBuffer => new Uint8Array(tarball).buffer

describe('the package', () => {
  it.each(NAMES)('%s passes publint without a suggestion', async (name) => {
    const tarball = bytesOf(the(name).tarball)
    const { messages } = await publint({ pack: { tarball }, level: 'suggestion' })
    expect(messages).toEqual([])
  })

  it.each(NAMES)('%s names its repository, licence and engine, and asks for provenance', (name) => {
    const manifest = JSON.parse(readFileSync(join(the(name).pkgDir, 'package.json'), 'utf8'))
    expect(manifest).toMatchObject({
      name,
      license: 'MIT',
      type: 'module',
      homepage: expect.stringMatching(/^https:\/\/\S+#readme$/),
      repository: { type: 'git', url: expect.stringMatching(/^git\+https:\/\/\S+\.git$/) },
      bugs: { url: expect.stringMatching(/^https:\/\/\S+\/issues$/) },
      engines: { node: expect.stringMatching(/^>=\d+$/) },
      keywords: expect.arrayContaining(['ollama', 'queue']),
      publishConfig: { access: 'public', provenance: true },
    })
    expect(Object.keys(manifest.dependencies ?? {})).toEqual(name === 'foreman-ai-sdk' ? ['@ai-sdk/provider'] : [])
  })

  it.each(['foreman-client', 'foreman-ai-sdk'])('%s has types that match its modules', async (name) => {
    const analysis = await checkPackage(createPackageFromTarballData(the(name).tarball))
    if (analysis.types === false) return expect.unreachable('no types found')
    // The packages are ES modules only; these two resolutions are for CommonJS.
    const problems = analysis.problems.filter(
      (problem) => !('resolutionKind' in problem && ['node10', 'node16-cjs'].includes(problem.resolutionKind)),
    )
    expect(problems).toEqual([])
  })
})

describe('the bill of materials', () => {
  const read = (): string => readFileSync(join(the('ollama-foreman').pkgDir, 'sbom.cdx.json'), 'utf8')

  it('is valid CycloneDX 1.6', async () => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6)
    expect(await validator.validate(read())).toBeNull()
    expect(await validator.validate(read().replace('"library"', '"no such type"'))).not.toBeNull()
  })

  it('lists the same packages as the licences', () => {
    const { components } = JSON.parse(read()) as { components: { name: string; version: string }[] }
    const licences = readFileSync(join(the('ollama-foreman').pkgDir, 'THIRD-PARTY-LICENSES'), 'utf8')
    const sections = [...licences.matchAll(/^(\S+ \d+\.\d+\.\d+\S*) \(.+\)$/gm)].map(([, named]) => named)
    expect(sections).toEqual(components.map(({ name, version }) => `${name} ${version}`))
    expect(sections).toContainEqual(expect.stringMatching(/^undici /))
  })
})
