// Fuzz target with a bug, for the test of the runner: a sort that is wrong for one value.

import type { FuzzTurn } from '../target.ts'

export const name = 'sorts'

export async function run({ seed, until }: FuzzTurn): Promise<{ cases: number }> {
  let cases = 0
  for (let value = seed; cases === 0 || !until(); value++) {
    if (value % 8 === 7) throw new Error(`seed ${seed}: sorted [${value}, 1] wrongly`)
    cases += 1
    if (cases === 2) break
  }
  return { cases }
}
