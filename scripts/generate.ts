// List of the generated documents. Writes them; with --check it writes nothing, names the outdated ones and exits with
// 1.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { renderConfigurationPage, renderEnvExample } from '../src/daemon/config/render.ts'
import { openApiDocument } from '../src/daemon/http/own/openapi/document.ts'
import { ROUTES } from '../src/daemon/http/routes.ts'
import { renderCommandLinePage } from './document-command-line.ts'
import { renderErrorsPage } from './document-errors.ts'
import { renderLifecyclePage } from './document-lifecycle.ts'
import { renderMetricsPage } from './document-metrics.ts'
import { renderOllamaVersionsPage } from './document-ollama-versions.ts'
import { renderGrafanaDashboard } from './grafana-dashboard.ts'

export const DOCUMENTS: Readonly<Record<string, () => string>> = {
  '.env.example': renderEnvExample,
  'docs/command-line.md': renderCommandLinePage,
  'docs/configuration.md': renderConfigurationPage,
  'docs/errors.md': renderErrorsPage,
  'docs/job-lifecycle.md': renderLifecyclePage,
  'docs/metrics.md': renderMetricsPage,
  'docs/ollama-versions.md': renderOllamaVersionsPage,
  'docs/openapi.json': () => `${JSON.stringify(openApiDocument(ROUTES), null, 2)}\n`,
  'examples/grafana/dashboards/foreman.json': renderGrafanaDashboard,
}

/** Returns the paths whose file under `root` differs from what the code generates now. */
export function staleDocuments(root: string): string[] {
  return Object.entries(DOCUMENTS)
    .filter(([path, render]) => contentOf(join(root, path)) !== render())
    .map(([path]) => path)
}

export function writeDocuments(root: string): void {
  for (const [path, render] of Object.entries(DOCUMENTS)) {
    const file = join(root, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, render())
  }
}

function contentOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..')
  if (process.argv.includes('--check')) {
    const stale = staleDocuments(root)
    for (const path of stale) process.stderr.write(`${path} is stale: run \`npm run generate\`\n`)
    process.exitCode = stale.length === 0 ? 0 : 1
  } else writeDocuments(root)
}
