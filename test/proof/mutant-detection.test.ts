// Tests of the checker with mutants: a daemon with one bug violates the expected invariant within a short run.
// The slow mutants run only with `npm run proof -- --mutants`.

import { describe, expect, it } from 'vitest'
import { detectMutant } from './mutant-run.ts'
import { MUTANTS } from './mutants.ts'
import { temporaryTestbed } from './temporary-testbed.ts'

describe('a daemon with a mutant', () => {
  it.each([
    'each try of a webhook has a different id',
    'two jobs run at once',
    'artifacts are not saved',
    'an event number is reused after a crash',
  ] as const)('is detected by the checker: %s', { timeout: 600_000 }, async (name) => {
    const caught = await detectMutant(name, (mutant) => temporaryTestbed({ mutant: mutant }))
    expect(MUTANTS[name].caughtBy).toContain(caught)
  })
})
