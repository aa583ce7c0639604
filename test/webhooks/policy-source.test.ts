// Source of this machine's addresses for the address policy, and the policy while they cannot be read.

import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { webhookUrlRefusal } from '../../src/daemon/webhooks/address-policy.ts'
import { createPolicySource } from '../../src/daemon/webhooks/policy-source.ts'
import { createWebhooks } from '../../src/daemon/webhooks/post.ts'
import { TestClock } from '../test-clock.ts'
import { startWebhookSink } from '../webhook-sink.ts'

function source(interfaces: () => Record<string, { address: string }[]>, ollamaUrl = 'http://127.0.0.1:11434') {
  const clock = new TestClock()
  const logged: string[] = []
  const log = pino({ base: null }, { write: (line: string) => void logged.push(JSON.parse(line).msg) })
  const config = {
    addr: { host: '127.0.0.1', port: 8080 },
    ollamaUrl,
    publicUrl: null,
    webhookAllow: [],
    webhookDeny: [],
  }
  const policy = createPolicySource({ config, clock, log, port: () => 8080, interfaces: interfaces as never })
  return { clock, policy, logged }
}

const unreadable = (): never => {
  throw new Error('uv_interface_addresses returned Unknown system error 97')
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
    const { policy } = source(unreadable)
    expect(webhookUrlRefusal('http://192.168.1.2:11434/', policy())).toContain('cannot be read')
    expect(webhookUrlRefusal('http://192.168.1.2:8123/', policy())).toBeNull()
    expect(webhookUrlRefusal('http://192.168.1.2:8080/', policy())).toBeNull()
  })

  it('logs once that the interfaces cannot be read, and once that they can be read again', () => {
    let interfaces: () => Record<string, { address: string }[]> = unreadable
    const { policy, clock, logged } = source(() => interfaces())
    for (let turn = 0; turn < 3; turn += 1) {
      policy()
      clock.advance(5_000)
    }
    expect(logged).toEqual([expect.stringMatching(/error 97.*AF_NETLINK/)])
    interfaces = () => ({})
    for (let turn = 0; turn < 3; turn += 1) {
      policy()
      clock.advance(5_000)
    }
    expect(logged).toEqual([expect.any(String), 'the network addresses of this machine can be read again'])
  })

  it('refuses a webhook temporarily if the interfaces cannot be read', async () => {
    const sink = await startWebhookSink()
    let interfaces: () => Record<string, { address: string }[]> = unreadable
    // Another machine with the receiver's port: only the addresses of this machine show that the receiver is not here.
    const { policy, clock } = source(() => interfaces(), `http://192.0.2.1:${sink.port}`)
    const webhooks = createWebhooks({ clock, policy })
    const post = () =>
      webhooks.post(
        { url: `${sink.url}/`, headers: {}, body: new TextEncoder().encode('{}') },
        new AbortController().signal,
      )
    expect(await post()).toEqual({ kind: 'refused_address', isLasting: false })
    expect(sink.connections).toBe(0)
    interfaces = () => ({})
    clock.advance(5_000)
    expect(await post()).toMatchObject({ kind: 'answered', status: 204 })
  })
})
