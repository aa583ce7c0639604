// The store against its model, see queue-property.ts.

import fc from 'fast-check'
import { it } from 'vitest'
import { queueProperty } from './queue-property.ts'
import { sharedStore } from './temporary-store.ts'

const shared = sharedStore()

it('the store does what its model does for any sequence of operations', { timeout: 120_000 }, async () => {
  await fc.assert(queueProperty(await shared.store()), { numRuns: 200 })
})
