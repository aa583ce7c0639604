// Owns the waiting room: all ways of asking wait in one paused queue at the same time, for as long as clients without
// foreman have given up, and then get their answers. It costs its time once, whoever waits.

import { expect, onTestFinished, test } from 'vitest'
import { MODEL, RIGHT } from './scenario.ts'
import { Stage } from './stage.ts'
import { nameOf, type Way } from './way.ts'

/** FOREMAN_HEARTBEAT, as it is by default. */
const HEARTBEAT_S = 10

/** Some give up after 30 s of silence (LlamaIndex), some after 300 s (whatever is built on Node's fetch). */
const WAITS_S = process.env['FOREMAN_LONG_WAIT'] === '1' ? [40, 400] : [40]

/** Declares the waits of these ways. */
export function testWaitingRoom(ways: readonly Way[]): void {
  test.for(WAITS_S)('waits %i s and gets the right text, having asked once', { timeout: 600_000 }, async (seconds) => {
    const stage = await Stage.set({}, ways)
    onTestFinished(() => stage.strike())
    await stage.pause()
    const startedAt = performance.now()
    const asking = ways.map(async (way) => {
      const tap = stage.tapOf(way)
      const told = await way.tell({ url: tap.url, model: MODEL })
      return [
        nameOf(way),
        { told, sent: tap.requests, hasWaited: performance.now() - startedAt >= seconds * 1000 },
      ] as const
    })
    const answers = Promise.all(asking)
    // Whoever gives up has been answered too early: then there is nothing more to wait for.
    await Promise.race([stage.everybodyWaits(seconds / HEARTBEAT_S), ...asking])
    await stage.resume()
    const right = { told: { kind: 'text', text: RIGHT }, sent: 1, hasWaited: true }
    expect(Object.fromEntries(await answers)).toEqual(Object.fromEntries(ways.map((way) => [nameOf(way), right])))
    expect(stage.fake.workers.length).toBe(ways.length)
  })
}
