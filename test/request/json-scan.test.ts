// The JSON scanner accepts what Go's encoding/json accepts, and finds what JSON.parse finds.

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeJsonString } from '../../src/daemon/text/json.ts'
import { type JsonScan, type Span, scanJson } from '../../src/daemon/text/json-scan.ts'
import { anyText } from '../any-text.ts'

interface GoVerdict {
  /** Base64 of the bytes. */
  readonly json: string
  /** `ok`, or the error of json.NewDecoder(…).Decode. */
  readonly says: string
  /** Bytes of the first document. */
  readonly length?: number
  /** The text that Go decodes, if that document is a string. */
  readonly text?: string
}

/** Results of Go 1.26 for randomly damaged documents. A differential run over 300 000 of them found no difference. */
const goVerdicts: readonly GoVerdict[] = readFileSync(new URL('./go-json.ndjson', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))

const verdict = (scanned: JsonScan): string => (scanned.kind === 'broken' ? scanned.message : scanned.kind)
const kindOf = (says: string): JsonScan['kind'] => (says === 'ok' ? 'document' : says === 'EOF' ? 'empty' : 'broken')

test.each(goVerdicts)('Go reports "$says" for $json', ({ json, says, length, text }) => {
  const bytes = Buffer.from(json, 'base64')
  const scanned = scanJson(bytes)
  expect(scanned.kind).toBe(kindOf(says))
  if (scanned.kind !== 'document') return
  const { start, end } = scanned.value
  expect(end - start).toBe(length)
  if (text !== undefined) expect(decodeJsonString(bytes, start + 1, end - 1)).toBe(text)
})

test.each([
  ['[', ']'],
  ['{"a":', '}'],
])('%s nested ten thousand times is read, and once more is not', (opening, closing) => {
  const nested = (depth: number): Buffer => Buffer.from(`${opening.repeat(depth - 1)}[]${closing.repeat(depth - 1)}`)
  expect(verdict(scanJson(nested(10_000)))).toBe('document')
  expect(verdict(scanJson(nested(10_001)))).toBe('invalid JSON: nested more than 10000 deep')
})

const asEscapes = (char: string): string =>
  [...Array(char.length).keys()].map((i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')
const asItself = (char: string): string => JSON.stringify(char).slice(1, -1)

/** JSON text of a value, with white space wherever JSON allows it and some characters written as escapes. */
const jsonText = fc.letrec<{ value: string; space: string; string: string }>((tie) => {
  const list = (open: string, items: fc.Arbitrary<string>, close: string): fc.Arbitrary<string> =>
    fc
      .tuple(fc.array(items, { maxLength: 4 }), tie('space'))
      .map(([all, space]) => `${open}${space}${all.join(',')}${space}${close}`)
  const spaced = (inner: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    fc.tuple(tie('space'), inner, tie('space')).map((parts) => parts.join(''))
  const member = fc.tuple(spaced(tie('string')), spaced(tie('value'))).map((parts) => parts.join(':'))
  return {
    space: fc.stringMatching(/^[ \t\r\n]{0,3}$/),
    string: fc
      .array(fc.tuple(anyText({ minLength: 1, maxLength: 1 }), fc.boolean()), { maxLength: 6 })
      .map((chars) => `"${chars.map(([char, escaped]) => (escaped ? asEscapes(char) : asItself(char))).join('')}"`),
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      tie('string'),
      fc.constantFrom('true', 'false', 'null', '-0', '1e400', '12345678901234567890', '1.0', '0.5E-7'),
      fc.double().map((number) => JSON.stringify(number)),
      list('[', spaced(tie('value')), ']'),
      list('{', member, '}'),
    ),
  }
})

const spansOf = (bytes: Buffer): { scanned: JsonScan; members: [key: string, value: Span][] } => {
  const members: [string, Span][] = []
  const scanned = scanJson(bytes, (from, to, value) => members.push([decodeJsonString(bytes, from, to), value]))
  return { scanned, members }
}

test('the members of any object are found with position and kind', () => {
  const object = fc.dictionary(fc.string({ unit: 'grapheme' }), jsonText.value, { noNullPrototype: true })
  fc.assert(
    fc.property(object, jsonText.space, (entries, space) => {
      const text = `${space}{${Object.entries(entries)
        .map(([key, value]) => `${space}${JSON.stringify(key)}${space}:${space}${value}`)
        .join(`${space},`)}${space}}`
      const bytes = Buffer.from(text)
      const { scanned, members } = spansOf(bytes)
      expect(scanned).toMatchObject({ kind: 'document', value: { kind: 'object', end: bytes.length } })
      expect(members.map(([key]) => key)).toEqual(Object.keys(entries))
      for (const [key, { kind, start, end }] of members) {
        const value: unknown = JSON.parse(bytes.toString('utf8', start, end))
        expect(value).toEqual(JSON.parse(entries[key] ?? ''))
        const type =
          value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
        expect(kind).toBe(type)
      }
    }),
  )
})

const isParsed = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

test('JSON.parse and the scanner accept and reject the same texts', () => {
  const slips = fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'{}[]":,\\u0e-+.1 \n\t\u0000x')), { maxLength: 3 })
  fc.assert(
    fc.property(jsonText.value, slips, (valid, changes) => {
      const text = changes.reduce((so, [at, slip]) => {
        const where = at % (so.length + 1)
        return so.slice(0, where) + slip + so.slice(where + (at % 2))
      }, valid.toWellFormed())
      const bytes = Buffer.from(text)
      const scanned = scanJson(bytes)
      if (scanned.kind === 'document') {
        // Bytes after the first document are ignored.
        expect(isParsed(bytes.toString('utf8', scanned.value.start, scanned.value.end))).toBe(true)
      } else expect(isParsed(text)).toBe(false)
    }),
    { numRuns: 500 },
  )
})

test('a string is decoded as JSON.parse does, except for lone surrogates', () => {
  fc.assert(
    fc.property(jsonText.string, (text) => {
      const bytes = Buffer.from(text)
      const expected: string = JSON.parse(text)
      expect(decodeJsonString(bytes, 1, bytes.length - 1)).toBe(expected.toWellFormed())
    }),
  )
})

test.each([
  ['{"a":1,}', 'unexpected "}" at position 7'],
  [' hello', 'unexpected "h" at position 1'],
  ['"a\n"', 'unexpected byte 10 at position 2'],
  ['"\\x"', 'unexpected "x" at position 2'],
  ['"\\u00g1"', 'unexpected "g" at position 5'],
  ['nulL', 'unexpected "L" at position 3'],
  ['[1.]', 'unexpected "]" at position 3'],
  ['[1 2]', 'unexpected "2" at position 3'],
  ['{"a" 1}', 'unexpected "1" at position 5'],
  ['{1', 'unexpected "1" at position 1'],
  ['{"a":', 'it ends in the middle of a value'],
])('%j is invalid: %s', (text, what) => {
  expect(verdict(scanJson(Buffer.from(text)))).toBe(`invalid JSON: ${what}`)
})
