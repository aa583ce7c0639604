// Manifests of the published packages. Each bundle contains its dependencies, except the AI SDK's own package of types and
// errors, which an application has already.

import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { AI_SDK_PACKAGE, CLIENT_PACKAGE, COMMAND, PROGRAM_PACKAGE, repositoryUrl } from './published.ts'

type Manifest = Readonly<Record<string, unknown>>

const { version, description, license, engines } = JSON.parse(
  readFileSync(join(resolve(import.meta.dirname, '..'), 'package.json'), 'utf8'),
)

function common(name: string): Manifest {
  const repository = repositoryUrl()
  return {
    name,
    version,
    license,
    type: 'module',
    homepage: `${repository}#readme`,
    repository: { type: 'git', url: `git+${repository}.git` },
    bugs: { url: `${repository}/issues` },
    publishConfig: { access: 'public', provenance: true },
  }
}

/** A package that is imported: one module and its types, for every runtime with `fetch`. */
function library(name: string, part: string, own: Manifest): Manifest {
  const types = `./types/${part}/index.d.ts`
  return {
    ...common(name),
    sideEffects: false,
    engines: { node: '>=22' },
    exports: { '.': { types, default: './index.js' }, './package.json': './package.json' },
    types,
    files: ['index.js', 'types', 'README.md', 'LICENSE'],
    ...own,
  }
}

export const programManifest = (): Manifest => ({
  ...common(PROGRAM_PACKAGE),
  description,
  bin: { [COMMAND]: 'foreman.js' },
  engines,
  files: ['foreman.js', 'bundle.js', 'THIRD-PARTY-LICENSES', 'sbom.cdx.json'],
  keywords: ['ollama', 'queue', 'jobs', 'llm', 'daemon', 'proxy', 'webhooks'],
})

export const clientManifest = (): Manifest =>
  library(CLIENT_PACKAGE, 'client', {
    description:
      'Client of foreman, the durable queue in front of one Ollama server: submit, follow and wait for jobs.',
    keywords: ['ollama', 'queue', 'jobs', 'llm', 'webhooks'],
  })

export const aiSdkManifest = (): Manifest =>
  library(AI_SDK_PACKAGE, 'ai-sdk', {
    description:
      'AI SDK provider for foreman, the durable queue in front of one Ollama server: streams, aborts, and shows job, state and position.',
    keywords: ['ollama', 'ai', 'ai-sdk', 'provider', 'queue', 'llm'],
    dependencies: { '@ai-sdk/provider': '^4.0.0' },
    peerDependencies: { ai: '^7.0.0' },
  })
