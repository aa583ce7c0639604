// Balancing policies of the fleet simulation, each as common load balancers implement it.

import { type Fleet, type Policy, randomNumbers } from './fleet-simulation.ts'

/** HAProxy's `hash-balance-factor`, percent: a target may have this share of the average number of jobs. */
export const BALANCE_FACTOR = 150

export const POLICIES: Readonly<Record<string, (fleet: Fleet) => Policy>> = {
  'round robin'({ targets }) {
    let turn = 0
    return () => turn++ % targets
  },

  'least connections'() {
    let turn = 0
    return (_model, queued) => {
      turn += 1
      let best = turn % queued.length
      for (let step = 1; step < queued.length; step++) {
        const index = (turn + step) % queued.length
        if ((queued[index] ?? 0) < (queued[best] ?? 0)) best = index
      }
      return best
    }
  },

  'sticky by model'(fleet) {
    const preferences = preferencesOf(fleet)
    return (model) => preferences[model]?.[0] ?? 0
  },

  /** The model's first target that does not exceed its share; the order of targets is fixed for each model. */
  [`sticky, at most ${BALANCE_FACTOR}%`](fleet) {
    const preferences = preferencesOf(fleet)
    return (model, queued) => {
      const total = queued.reduce((sum, count) => sum + count, 1)
      const bound = Math.ceil((total * BALANCE_FACTOR) / 100 / queued.length)
      const order = preferences[model] ?? []
      return order.find((index) => (queued[index] ?? 0) < bound) ?? order[0] ?? 0
    }
  },
}

/** For each model, all targets in an order that depends on the model. */
function preferencesOf({ models, targets, seed }: Fleet): number[][] {
  return Array.from({ length: models }, (_, model) => {
    const random = randomNumbers(seed + 1_000 + model)
    const rank = Array.from({ length: targets }, (_unused, index) => ({ index, score: random() }))
    return rank.sort((one, other) => one.score - other.score).map(({ index }) => index)
  })
}
