// Delivery slots when many receivers want one: receivers that answer always get one.

import { describe, expect, it } from 'vitest'
import { DeliverySlots, type Tried } from '../../src/daemon/services/delivery-slots.ts'

const names = (kind: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${kind}-${n}:80`)

/** Slots after one attempt for each receiver. */
function placesAfter(known: Readonly<Record<string, Tried>>): DeliverySlots {
  const places = new DeliverySlots()
  for (const [receiver, tried] of Object.entries(known)) {
    expect(places.acquire(receiver)).toBe(true)
    places.release(receiver, tried)
  }
  return places
}

const all = (receivers: readonly string[], tried: Tried): Record<string, Tried> =>
  Object.fromEntries(receivers.map((receiver) => [receiver, tried]))

/** Number of slots that they get together if each asks five times. */
const taken = (places: DeliverySlots, receivers: readonly string[]): number =>
  receivers.flatMap((receiver) => [1, 2, 3, 4, 5].map(() => places.acquire(receiver))).filter(Boolean).length

describe('a receiver with delivery slots', () => {
  it.each<readonly [string, Readonly<Record<string, Tried>>, number]>([
    ['that answered has four places', { 'a:80': 'healthy' }, 4],
    ['that was never met has one', {}, 1],
    ['that failed has one', { 'a:80': 'failing' }, 1],
    ['that was silent has one', { 'a:80': 'unresponsive' }, 1],
  ])('%s', (_, known, places) => {
    expect(taken(placesAfter(known), ['a:80'])).toBe(places)
  })

  it('that starts to fail gets no slot before it has released those it held', () => {
    const places = placesAfter({ 'a:80': 'healthy' })
    expect(taken(places, ['a:80'])).toBe(4)
    for (const left of [3, 2, 1]) {
      places.release('a:80', 'unresponsive')
      expect([left, places.acquire('a:80'), places.saturated]).toEqual([left, false, ['a:80']])
    }
    places.release('a:80', 'unresponsive')
    expect(taken(places, ['a:80'])).toBe(1)
  })

  it('about which nothing is learned keeps its health', () => {
    const places = placesAfter({ 'a:80': 'healthy' })
    places.acquire('a:80')
    places.release('a:80', null)
    expect(taken(places, ['a:80'])).toBe(4)
  })
})

describe('a hundred receivers', () => {
  it.each<readonly [string, (receivers: string[]) => DeliverySlots, number]>([
    ['that were never met', () => new DeliverySlots(), 24],
    ['that failed', (receivers) => placesAfter(all(receivers, 'failing')), 16],
    ['that were silent', (receivers) => placesAfter(all(receivers, 'unresponsive')), 8],
    ['that answer', (receivers) => placesAfter(all(receivers, 'healthy')), 64],
  ])('%s get their share of the delivery slots and no more', (_, known, share) => {
    const receivers = names('x', 100)
    expect(taken(known(receivers), receivers)).toBe(share)
  })

  it('of each failing kind leave sixteen slots to those that answer', () => {
    const [failing, silent, unmet] = [names('failing', 100), names('silent', 100), names('unmet', 100)]
    const good = names('good', 4)
    const places = placesAfter({ ...all(failing, 'failing'), ...all(silent, 'unresponsive'), ...all(good, 'healthy') })
    expect(taken(places, [...failing, ...silent, ...unmet])).toBe(48)
    expect(taken(places, good)).toBe(16)
    expect(places.free).toBe(0)
  })

  it('that were deferred get slots a few at a time, in order', () => {
    const receivers = names('x', 100)
    const places = new DeliverySlots()
    const met = new Set<string>()
    let underWay: string[] = []
    for (let round = 0; round < 100 && met.size < 100; round += 1) {
      const out = new Set(places.saturated)
      const begun = receivers.filter((receiver) => !met.has(receiver) && !out.has(receiver) && places.acquire(receiver))
      for (const receiver of begun) met.add(receiver)
      underWay.push(...begun)
      const [first, ...rest] = underWay
      if (first !== undefined) places.release(first, 'unresponsive')
      underWay = rest
    }
    expect(met.size).toBe(100)
  })
})
