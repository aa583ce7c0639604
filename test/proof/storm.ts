// Owns a run at random: clients ask, target and receiver have their moods, and the daemon is killed again and again; then quiet,
// the drain, and the testimony. Drawn from one seed; only the machine's own pace is not.

import type { Step } from '../../src/daemon/runtime/step.ts'
import { Asker } from './asker.ts'
import { Chance } from './chance.ts'
import type { History } from './history.ts'
import { TAKES } from './watched-receiver.ts'
import { WHOLE } from './watched-target.ts'
import { createFates, createMoods } from './weather.ts'
import type { World } from './world.ts'

export interface StormWishes {
  readonly seed: number
  /** How often the daemon is killed. */
  readonly cycles: number
  readonly askers?: number
  /** Share of requests that the target answers badly. */
  readonly roughness?: number
  /** Bound on the drain, ms. */
  readonly drainMs?: number
  readonly onCycle?: (done: number) => void
}

export interface StormResult {
  readonly history: History
  /** All was over and told within the bound. */
  readonly isQuiet: boolean
}

/** What is left of backoffs goes by faster when nothing happens any more. Not much: the daemon's deadlines shrink with it. */
const DRAIN_SPEED = 20

const STEPS: readonly Step[] = [
  ...(['admitted', 'enqueued', 'submitted', 'claimed', 'sent', 'first_byte'] as const),
  ...(['streaming', 'answered', 'applied', 'delivering', 'delivered', 'settled'] as const),
]

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export async function storm(world: World, wishes: StormWishes): Promise<StormResult> {
  const { seed, cycles, askers: count = 6, roughness = 0.15, drainMs = 60_000, onCycle } = wishes
  const chance = new Chance(seed)
  world.target.fate = createFates(chance.fork(), roughness)
  world.receiver.mood = createMoods(chance.fork())
  const stop = new AbortController()
  const giveUp = new AbortController()
  const askers = Array.from({ length: count }, (_, n) => {
    const urlFor = (ref: string): string => world.receiver.urlFor(ref)
    const parts = { name: `c${n}`, clients: world.clients, chance: chance.fork(), urlFor }
    return new Asker({ ...parts, stop: stop.signal, giveUp: giveUp.signal }).run()
  })
  const nemesis = chance.fork()
  for (let cycle = 1; cycle <= cycles; cycle++) {
    await oneLife(world, nemesis)
    onCycle?.(cycle)
  }
  stop.abort()
  world.target.fate = () => WHOLE
  world.receiver.mood = () => TAKES
  world.speedUp(DRAIN_SPEED)
  await world.up()
  const isQuiet = await world.quiet(drainMs)
  // Who still waits for something waits for what will not come.
  const late = setTimeout(() => giveUp.abort(), isQuiet ? drainMs : 0)
  await Promise.all(askers)
  clearTimeout(late)
  return { history: await world.testimony(), isQuiet }
}

/** A start, and a kill: while it starts, at some moment under load, or at a step; now and then an orderly stop. */
async function oneLife(world: World, nemesis: Chance): Promise<void> {
  const how = nemesis.next()
  const life = world.begin()
  if (how < 0.1) {
    await Promise.race([pause(nemesis.whole(50, 600)), life.over])
    return world.kill(life)
  }
  if ((await life.ready) === 'dead') return world.kill(life)
  if (how < 0.4) {
    await world.arm(life, { step: nemesis.one(STEPS), passes: nemesis.skewed(1, 40) - 1 })
    await Promise.race([pause(1_000), life.over])
  } else {
    // Mostly short, now and then long enough for the queue to empty.
    await pause(nemesis.whole(0, nemesis.happens(0.15) ? 3_000 : 800))
  }
  await (nemesis.happens(0.15) ? world.stop(life) : world.kill(life))
}
