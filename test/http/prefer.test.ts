// The `Prefer: wait` header: valid and invalid values.

import { expect, test } from 'vitest'
import { preferredWait } from '../../src/daemon/http/jobs/prefer-wait.ts'

test.each<[string, number | null]>([
  ['wait=30', 30],
  ['Wait=30', 30],
  ['wait = 30', 30],
  ['wait="30"', 30],
  ['wait=0', 0],
  ['wait=007', 7],
  ['wait=60', 60],
  ['wait=61', 60],
  ['wait=999999999999', 60],
  ['respond-async, wait=30', 30],
  ['respond-async,wait=30', 30],
  ['foo; bar="wait=5, wait=6"; x, wait=7', 7],
  ['foo="a,wait=5"', null],
  ['foo="\\",wait=5"', null],
  ['wait=5; x=y', 5],
  ['wait=5, wait=6', 5],
  [' , ,wait=5', 5],
  ['wait', null],
  ['wait=', null],
  ['wait=-1', null],
  ['wait=1.5', null],
  ['wait=1e3', null],
  ['wait=30s', null],
  ['wait=x, wait=5', null],
  ['await=5', null],
  ['respond-async', null],
  ['"wait=5', null],
  ['', null],
  [' '.repeat(16_000), null],
  [`${'a;'.repeat(8_000)}`, null],
])('Prefer: %j waits %j s', (prefer, seconds) => {
  expect(preferredWait({ prefer })).toBe(seconds)
})

test('no Prefer header waits 0 s', () => {
  expect(preferredWait({})).toBeNull()
})

test('two Prefer headers are one list', () => {
  expect(preferredWait({ prefer: 'respond-async, wait=5' })).toBe(5)
})
