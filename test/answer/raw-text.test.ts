// The text read from the bytes of a JSON string equals the result of JSON.parse, for any length and any slicing.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rawElementsIn, rawMember, rawText } from '../../src/daemon/answer/raw-json.ts'

const MIB = 1024 ** 2
const text = (json: string): string | undefined => rawText(Buffer.from(json))?.toString('utf8')

describe('the text of a JSON string', () => {
  it('equals the result of JSON.parse', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 50 }), (value) => {
        expect(text(JSON.stringify(value))).toBe(value)
      }),
    )
  })

  it.each([
    ['an escape', '\\n'],
    ['an escaped unit', '\\u00e4'],
    ['an escaped pair', '\\ud83d\\ude00'],
    ['an escaped backslash', '\\\\'],
    ['a character of four bytes', '😀'],
  ])('is complete if %s stands at the end of a chunk', (_name, written) => {
    const size = Buffer.byteLength(written)
    for (let shift = -1; shift <= size; shift++) {
      const json = `"${'x'.repeat(MIB - size + shift)}${written}${'y'.repeat(10)}"`
      expect(text(json) === JSON.parse(json)).toBe(true)
    }
  })

  it.each(['1', 'null', '["a"]', '"', '', '"a'])('is undefined for %s', (json) => {
    expect(text(json)).toBeUndefined()
  })
})

describe('a member of an object', () => {
  it('is the last one of its name, however the name is spelled', () => {
    const json = Buffer.from('{"a":1,"\\u0061":[2, 3],"b":{"a":4}}')
    expect(rawMember(json, 'a')?.toString()).toBe('[2, 3]')
    expect([...rawElementsIn(rawMember(json, 'a'))].map(String)).toEqual(['2', '3'])
    expect(rawMember(json, 'c')).toBeUndefined()
    expect(rawMember(Buffer.from('[1]'), 'a')).toBeUndefined()
  })
})
