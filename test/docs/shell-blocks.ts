// Shell blocks of the documents: every fenced block of a shell language, with the marker in the comment above it.

import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname, '../..')

export const SHELL_DOCUMENTS: readonly string[] = globSync(
  ['*.md', 'docs/*.md', 'examples/**/*.md', 'src/**/*.md', 'bench/*.md'],
  { cwd: ROOT, exclude: (path) => path.includes('node_modules') },
).sort()

/**
 * Default: the block is run by test/clients/documents. `not run`: it cannot be run here, for the reason given. `run by`: a
 * file of the repository runs the same commands.
 */
export type Marker =
  | { readonly kind: 'run' }
  | { readonly kind: 'not run'; readonly reason: string }
  | { readonly kind: 'run by'; readonly file: string }
  | { readonly kind: 'invalid'; readonly comment: string }

export interface ShellBlock {
  /** As in `docs/target.md:22`. */
  readonly place: string
  readonly document: string
  readonly text: string
  readonly marker: Marker
}

function markerOf(line: string): Marker {
  const comment = /^<!-- (.*) -->$/.exec(line)?.[1]
  if (comment === undefined) return { kind: 'run' }
  const reason = /^not run: (\S.*)$/.exec(comment)?.[1]
  if (reason !== undefined) return { kind: 'not run', reason }
  const file = /^run by: (\S+)$/.exec(comment)?.[1]
  return file === undefined ? { kind: 'invalid', comment } : { kind: 'run by', file }
}

export function shellBlocks(document: string, text: string): readonly ShellBlock[] {
  const blocks: ShellBlock[] = []
  let open: { readonly language: string; readonly from: number } | null = null
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    const fence = /^\s*```(\S*)/.exec(line)
    if (fence === null) continue
    if (open === null) {
      open = { language: fence[1] ?? '', from: index }
      continue
    }
    const { language, from } = open
    open = null
    if (!/^(?:sh|bash|zsh|shell|console)$/.test(language)) continue
    const marker = markerOf(lines[from - 1]?.trim() ?? '')
    const place = `${document}:${from + 1}`
    blocks.push({ place, document, text: `${lines.slice(from + 1, index).join('\n')}\n`, marker })
  }
  return blocks
}

export const allShellBlocks = (): readonly ShellBlock[] =>
  SHELL_DOCUMENTS.flatMap((document) => shellBlocks(document, readFileSync(join(ROOT, document), 'utf8')))
