// Unordered list of the members that were added and not removed, each once.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Bag } from '../../src/daemon/http/bag.ts'

test('a bag holds what a Set would hold, whatever is added and removed', () => {
  const step = fc.record({ comes: fc.boolean(), who: fc.nat({ max: 9 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const roll = new Bag<number>()
      const set = new Set<number>()
      for (const { comes, who } of steps) {
        if (!comes) expect(roll.delete(who)).toBe(set.delete(who))
        else if (!set.has(who)) {
          set.add(who)
          roll.add(who)
        }
        expect([...roll].toSorted()).toEqual([...set].toSorted())
        expect(roll.size).toBe(set.size)
      }
    }),
  )
})

test('an element removed during an iteration is still visited, and none is skipped', () => {
  const roll = new Bag<string>()
  for (const who of ['a', 'b', 'c']) roll.add(who)
  const seen: string[] = []
  for (const who of roll) {
    seen.push(who)
    roll.delete(who)
  }
  expect(seen).toEqual(['a', 'b', 'c'])
  expect(roll.size).toBe(0)
})
