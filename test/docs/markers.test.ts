// Markers of shell blocks in documents. Blocks without a marker are run by test/clients/documents.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { allShellBlocks, ROOT, shellBlocks } from './shell-blocks.ts'

const FENCE = '```'

describe('shell blocks of the documents', () => {
  const blocks = allShellBlocks()

  it('are found', () => {
    expect(blocks.length).toBeGreaterThan(30)
    expect(blocks.filter(({ marker }) => marker.kind === 'run').length).toBeGreaterThan(8)
  })

  it('have a valid marker or none: <!-- not run: REASON --> or <!-- run by: FILE -->', () => {
    expect(blocks.filter(({ marker }) => marker.kind === 'invalid').map(({ place }) => place)).toEqual([])
  })

  it('name only files of the repository', () => {
    const missing = blocks.filter(({ marker }) => marker.kind === 'run by' && !existsSync(join(ROOT, marker.file)))
    expect(missing.map(({ place }) => place)).toEqual([])
  })

  it('without a marker are run', () => {
    const text = `a\n\n${FENCE}sh\nls\n${FENCE}\n<!-- not run: needs a GPU -->\n${FENCE}bash\ncd\n${FENCE}\n${FENCE}ts\n1\n${FENCE}\n`
    expect(shellBlocks('a.md', text)).toEqual([
      { place: 'a.md:3', document: 'a.md', text: 'ls\n', marker: { kind: 'run' } },
      { place: 'a.md:7', document: 'a.md', text: 'cd\n', marker: { kind: 'not run', reason: 'needs a GPU' } },
    ])
  })
})
