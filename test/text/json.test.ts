// JSON in the spelling of Go's encoding/json, which clients compare byte for byte.

import { expect, it } from 'vitest'
import { modelAnswer, readInventory } from '../../src/daemon/domain/inventory.ts'
import { goJson } from '../../src/daemon/text/json.ts'

it.each([
  ['letters of HTML', '<a>&', '"\\u003ca\\u003e\\u0026"'],
  ['line separators', '\u2028\u2029', '"\\u2028\\u2029"'],
  ['a lone surrogate', '\ud800', '"\ufffd"'],
  ['other letters', 'é😀"', '"é😀\\""'],
])('%s are written as Go writes them', (_name, text, json) => expect(goJson(text)).toBe(json))

it("a model's name is escaped in its /v1/models document", () => {
  const tags = Buffer.from(JSON.stringify({ models: [{ name: 'a\u2028b:latest' }] }))
  const inventory = readInventory({ tags, ps: Buffer.from('{"models":[]}'), version: '0.17.4' }, 0, 0)
  expect(modelAnswer('a\u2028b', inventory)).toContain('"id":"a\\u2028b"')
})
