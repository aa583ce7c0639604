// Durations are what Go's time.ParseDuration takes for them; what it says to the others was told by Go itself.

import { expect, test } from 'vitest'
import { type KeepAlive, readDuration, readKeepAlive } from '../../src/daemon/request/keep-alive.ts'
import { scanJson } from '../../src/daemon/text/json-scan.ts'

test.each<[string, KeepAlive['kind'] | string]>([
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
  ['9223372036854775808ns', 'time: invalid duration "9223372036854775808ns"'],
  ['2562047h47m16.854775808s', 'time: invalid duration "2562047h47m16.854775808s"'],
  ['-2562047h48m', 'time: invalid duration "-2562047h48m"'],
  ['3000000h', 'time: invalid duration "3000000h"'],
  ['', 'time: invalid duration ""'],
  ['+', 'time: invalid duration "+"'],
  ['.', 'time: invalid duration "."'],
  ['.s', 'time: invalid duration ".s"'],
  ['0.0.0s', 'time: missing unit in duration "0.0.0s"'],
  ['30', 'time: missing unit in duration "30"'],
  ['3 days', 'time: unknown unit " days" in duration "3 days"'],
  ['1"s\\', 'time: unknown unit "\\"s\\\\" in duration "1\\"s\\\\"'],
  ['1é\n', 'time: unknown unit "\\xc3\\xa9\\x0a" in duration "1\\xc3\\xa9\\x0a"'],
])('the duration %j is %s', (text, expected) => {
  const read = readDuration(text)
  expect(read.kind === 'invalid' ? read.message : read.kind).toBe(expected)
})

test.each<[string, KeepAlive['kind']]>([
  ['null', 'absent'],
  ['0', 'zero'],
  ['-0', 'zero'],
  ['1e-10', 'zero'],
  ['1e-9', 'set'],
  // Below zero is "for ever", however little below.
  ['-1e-10', 'set'],
  ['-1', 'set'],
  ['1e400', 'set'],
  ['"0s"', 'zero'],
  ['"\\u0030s"', 'zero'],
  ['{}', 'invalid'],
])('the value %s is %s', (json, kind) => {
  const bytes = Buffer.from(json)
  const scanned = scanJson(bytes)
  expect(readKeepAlive(bytes, scanned.kind === 'document' ? scanned.value : null).kind).toBe(kind)
})
