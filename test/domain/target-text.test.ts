// Length limit of a text from the target, and the phrases of it that may be logged.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutTargetText, knownReason, MAX_TARGET_TEXT_BYTES } from '../../src/daemon/domain/target-text.ts'
import { anyText } from '../any-text.ts'

describe('a text of the target', () => {
  it.each([
    ['of 2 KiB stays', 'x'.repeat(2048), 'x'.repeat(2048)],
    ['of one byte more is cut to 2 KiB with its ellipsis', 'x'.repeat(2049), `${'x'.repeat(2045)}…`],
    ['of two-byte characters is counted in bytes', 'ä'.repeat(1025), `${'ä'.repeat(1022)}…`],
    ['is cut before a character that does not fit', `x${'😀'.repeat(600)}`, `x${'😀'.repeat(511)}…`],
    ['that is empty stays', '', ''],
  ])('is shown right: %s', (_name, text, expected) => {
    expect(cutTargetText(text)).toBe(expected)
  })

  it('is complete or its own beginning, within the limit, whatever it contains', () => {
    fc.assert(
      fc.property(anyText({ minLength: 500, maxLength: 1_200 }), (text) => {
        const cut = cutTargetText(text)
        expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(MAX_TARGET_TEXT_BYTES)
        if (cut !== text) expect(text.startsWith(cut.slice(0, -1))).toBe(true)
        expect(cutTargetText(cut)).toBe(cut)
      }),
      { numRuns: 30 },
    )
  })

  it('with a known phrase of Ollama is replaced by that phrase', () => {
    expect(knownReason('model requires more system memory (8 GiB) for "my prompt"')).toBe('requires more system memory')
    expect(knownReason('my prompt')).toBeNull()
  })
})
