// A keep_alive is valid if Go's time.ParseDuration accepts it. The expected results here come from Go.

import { expect, test } from 'vitest'
import { type KeepAlive, readKeepAlive } from '../../src/daemon/request/keep-alive.ts'
import { scanJson } from '../../src/daemon/text/json-scan.ts'

function kindOf(json: string): KeepAlive['kind'] {
  const bytes = Buffer.from(json)
  const scanned = scanJson(bytes)
  return readKeepAlive(bytes, scanned.kind === 'document' ? scanned.value : null).kind
}

test.each<[string, KeepAlive['kind']]>([
  ['0', 'zero'],
  ['-0', 'zero'],
  ['0s', 'zero'],
  ['0h0m0.0s', 'zero'],
  ['.0000000001s', 'zero'],
  ['-0.0000001ns', 'zero'],
  ['00000000000000000000000000000s', 'zero'],
  ['1ns', 'set'],
  ['-1s', 'set'],
  ['5µs', 'set'],
  ['5μs', 'set'],
  ['5.s', 'set'],
  ['.5s', 'set'],
  ['1h2m3.5s', 'set'],
  ['00000000000000000000000000001s', 'set'],
  ['2562047h47m16.854775807s', 'set'],
  ['-9223372036854775808ns', 'set'],
  ['9223372036854775808ns', 'invalid'],
  ['2562047h47m16.854775808s', 'invalid'],
  ['-2562047h48m', 'invalid'],
  ['3000000h', 'invalid'],
  ['', 'invalid'],
  ['+', 'invalid'],
  ['.', 'invalid'],
  ['.s', 'invalid'],
  ['0.0.0s', 'invalid'],
  ['30', 'invalid'],
  ['3 days', 'invalid'],
  ['1"s\\', 'invalid'],
  ['1é\n', 'invalid'],
])('the duration %j is %s', (text, expected) => {
  expect(kindOf(JSON.stringify(text))).toBe(expected)
})

test.each<[string, KeepAlive['kind']]>([
  ['null', 'absent'],
  ['0', 'zero'],
  ['-0', 'zero'],
  ['1e-10', 'zero'],
  ['1e-9', 'set'],
  // Any negative value means "forever".
  ['-1e-10', 'set'],
  ['-1', 'set'],
  ['1e400', 'set'],
  ['"0s"', 'zero'],
  ['"\\u0030s"', 'zero'],
  ['{}', 'invalid'],
])('the value %s is %s', (json, kind) => {
  expect(kindOf(json)).toBe(kind)
})
