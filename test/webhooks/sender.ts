// The real code that calls receivers, with names that the test resolves and a clock that it steps.

import {
  createAddressPolicy,
  type PolicySettings,
  type Server,
  type ThisMachine,
} from '../../src/daemon/webhooks/address-policy.ts'
import type { Lookup, ResolvedAddress } from '../../src/daemon/webhooks/dns-cache.ts'
import { createWebhooks } from '../../src/daemon/webhooks/post.ts'
import { TestClock } from '../test-clock.ts'

export interface SenderWishes {
  readonly settings?: Partial<PolicySettings>
  readonly own?: Server
  readonly target?: Server
  /** Default: no names and no interfaces. */
  readonly machine?: ThisMachine
  /** Addresses of names: each look-up takes the next answer, and the last one stays. */
  readonly names?: Readonly<Record<string, readonly (readonly string[])[]>>
  readonly lookup?: Lookup
  readonly ca?: string
}

const NOWHERE: Server = { names: [], addresses: [], port: 1, listensEverywhere: false }

export function createSender({
  settings = {},
  own = NOWHERE,
  target = NOWHERE,
  machine = { names: [], addresses: [] },
  names = {},
  lookup,
  ca,
}: SenderWishes = {}) {
  const clock = new TestClock()
  const looked: string[] = []
  const whole = { webhookAllow: [], webhookDeny: [], publicUrl: null, ...settings }
  const policy = createAddressPolicy(whole, own, target, machine)
  const fromTable: Lookup = (host) => {
    const answers = names[host] ?? []
    const turn = looked.filter((name) => name === host).length
    looked.push(host)
    const addresses = answers[Math.min(turn, answers.length - 1)]
    if (addresses === undefined) return Promise.reject(new Error(`getaddrinfo ENOTFOUND ${host}`))
    return Promise.resolve(addresses.map(resolved))
  }
  const webhooks = createWebhooks({
    clock,
    policy: () => policy,
    lookup: lookup ?? fromTable,
    ...(ca === undefined ? {} : { ca }),
  })
  const post = (url: string, signal = new AbortController().signal, body = '{"a":1}') =>
    webhooks.post({ url, headers: { 'webhook-id': 'x-1' }, body: new TextEncoder().encode(body) }, signal)
  return { clock, webhooks, post, looked }
}

export const resolved = (address: string): ResolvedAddress => ({ address, family: address.includes(':') ? 6 : 4 })
