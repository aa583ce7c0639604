// Tests of the headers that mark a retry.

import { describe, expect, it } from 'vitest'
import { readIdempotencyKey } from '../../src/daemon/http/admission.ts'
import { saysItIsARetry } from '../../src/daemon/http/ollama/orphans.ts'

describe('a retry', () => {
  it.each([
    ['1', true],
    ['2', true],
    ['0', false],
    ['-1', false],
    ['x', false],
    [undefined, false],
  ])('is marked by x-stainless-retry-count %s: %s', (count, says) => {
    expect(saysItIsARetry(count === undefined ? {} : { 'x-stainless-retry-count': count })).toBe(says)
  })
  it.each([
    ['a', 'key'],
    ['k'.repeat(255), 'key'],
    ['k'.repeat(256), 'invalid'],
    ['', 'invalid'],
    ['two, keys', 'invalid'],
    ['ümlaut', 'invalid'],
  ])('with Idempotency-Key %j: %s', (key, kind) => {
    expect(readIdempotencyKey({ 'idempotency-key': key }).kind).toBe(kind)
  })
})
