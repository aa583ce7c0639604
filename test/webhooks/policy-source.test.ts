// Where the address policy learns this machine's addresses from, and what holds when it cannot read them.

import { describe, expect, it } from 'vitest'
import { webhookUrlRefusal } from '../../src/daemon/address-policy.ts'
import { createPolicySource } from '../../src/daemon/webhooks/policy-source.ts'
import { TestClock } from '../test-clock.ts'

function source(interfaces: () => Record<string, { address: string }[]>) {
  const clock = new TestClock()
  const config = {
    addr: { host: '127.0.0.1', port: 8080 },
    ollamaUrl: 'http://127.0.0.1:11434',
    publicUrl: null,
    webhookAllow: [],
    webhookDeny: [],
  }
  return { clock, policy: createPolicySource({ config, clock, port: () => 8080, interfaces: interfaces as never }) }
}

describe('the address policy', () => {
  it('follows the interfaces of this machine', () => {
    let address = '192.168.1.2'
    const { policy, clock } = source(() => ({ eth0: [{ address }] }))
    expect(webhookUrlRefusal('http://192.168.1.2:11434/', policy())).toContain('the target')
    expect(webhookUrlRefusal('http://10.0.0.7:11434/', policy())).toBeNull()
    address = '10.0.0.7'
    clock.advance(5_000)
    expect(webhookUrlRefusal('http://10.0.0.7:11434/', policy())).toContain('the target')
  })
  it('refuses the port of the target while the interfaces cannot be read', () => {
    const { policy } = source(() => {
      throw new Error('uv_interface_addresses returned Unknown system error 13')
    })
    expect(webhookUrlRefusal('http://192.168.1.2:11434/', policy())).toContain('cannot be read')
    expect(webhookUrlRefusal('http://192.168.1.2:8123/', policy())).toBeNull()
    expect(webhookUrlRefusal('http://192.168.1.2:8080/', policy())).toBeNull()
  })
})
