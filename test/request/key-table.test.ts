// Keys are found in a body as Go's encoding/json finds the fields of a struct.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyTable } from '../../src/daemon/request/key-table.ts'

const KEYS = ['model', 'stream', 'keep_alive', 'messages', 'options', 'prompt'] as const
const table = new KeyTable(KEYS)

/** Finds the text between two quotes. */
const find = (written: string, of: KeyTable<string> = table): string | null => {
  const bytes = Buffer.from(`"${written}"`)
  return of.find(bytes, 1, bytes.length - 1)
}

describe('a key table for JSON bodies', () => {
  it.each([
    ['model', 'model'],
    ['Model', 'model'],
    ['MODEL', 'model'],
    ['\u017ftream', 'stream'],
    ['\u212aeep_alive', 'keep_alive'],
    ['me\\u017F\\u0073age\u017f', 'messages'],
    ['\\u212Aeep\\u005falive', 'keep_alive'],
    ['m\u00f6del', null],
    ['mode', null],
    ['models', null],
    ['model\\u0000', null],
    ['mode\\l', null],
    ['', null],
    ['\u017f', null],
    ['keep-alive', null],
  ])('finds %j as %j', (written, key) => expect(find(written)).toBe(key))

  it('compares the keys of a Go map exactly', () => {
    const exact = new KeyTable(['num_ctx'], { folds: false })
    expect(['num_ctx', 'num\\u005fctx', 'Num_ctx', 'num_ctX'].map((key) => find(key, exact))).toEqual([
      'num_ctx',
      'num_ctx',
      null,
      null,
    ])
  })

  it('skips characters that it ignores', () => {
    const loose = new KeyTable(['start_before'], { ignores: '_-' })
    expect(['start_before', 'startBefore', '_start-before_', 'start.before'].map((key) => find(key, loose))).toEqual([
      'start_before',
      'start_before',
      'start_before',
      null,
    ])
  })

  it('agrees with a model that decodes and folds every key', () => {
    // The longest orbits of unicode.SimpleFold that meet ASCII: k K U+212A and s S U+017F.
    const fold = (text: string): string =>
      text
        .replace(/[A-Z]/g, (letter) => letter.toLowerCase())
        .replaceAll('\u017f', 's')
        .replaceAll('\u212a', 'k')
    const letter = fc.constantFrom(...'modelstrakpionug_-MSK', '\u017f', '\u212a', '\u0130', '\u00e9', '\ud83d\ude00')
    const near = fc
      .constantFrom(...KEYS)
      .chain((key) =>
        fc.tuple(
          ...[...key].map((char) =>
            fc.constantFrom(
              char,
              char,
              char.toUpperCase(),
              ...(char === 's' ? ['\u017f'] : char === 'k' ? ['\u212a'] : []),
            ),
          ),
        ),
      )
    const escapedAs = (char: string): string =>
      [...Array(char.length).keys()].map((i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')
    const text = fc.oneof(
      fc.array(letter, { maxLength: 12 }),
      near.map((chars) => [...chars]),
    )
    fc.assert(
      fc.property(text, fc.infiniteStream(fc.boolean()), (chars, escaped) => {
        const written = chars.map((char) => (escaped.next().value ? escapedAs(char) : char)).join('')
        const expected = KEYS.find((key) => key === fold(JSON.parse(`"${written}"`) as string)) ?? null
        expect(find(written)).toBe(expected)
      }),
      { numRuns: 500 },
    )
  })
})
