// The address policy at the socket: names that change their addresses, mixed answers, and unexpected peers, with real
// receivers on loopback addresses.

import { describe, expect, it } from 'vitest'
import { until } from '../harness.ts'
import { startWebhookSink } from '../webhook-sink.ts'
import { createSender, resolved } from './sender.ts'

const REFUSED = { kind: 'refused_address', isLasting: false }
const HALF_A_MINUTE = 30_000

describe('a receiver name', () => {
  it('is sent to at the checked address, with its own Host', async () => {
    const sink = await startWebhookSink({ host: '127.0.0.2' })
    const { post } = createSender({ names: { 'hook.example.org': [['127.0.0.2']] } })
    expect(await post(`http://Hook.Example.org.:${sink.port}/x`)).toMatchObject({ status: 204 })
    expect((await sink.webhook(1)).headers.host).toBe(`hook.example.org.:${sink.port}`)
  })
  it('that resolves differently is checked anew at each try', async () => {
    const sink = await startWebhookSink()
    const answers = [['127.0.0.1'], ['169.254.169.254'], ['127.0.0.1', '::ffff:169.254.169.254'], ['127.0.0.1']]
    const { post, clock } = createSender({ names: { 'hook.example.org': answers } })
    const url = `http://hook.example.org:${sink.port}/`
    expect(await post(url)).toMatchObject({ status: 204 })
    clock.advance(HALF_A_MINUTE)
    expect(await post(url)).toEqual(REFUSED)
    clock.advance(HALF_A_MINUTE)
    // One refused address refuses the whole name.
    expect(await post(url)).toEqual(REFUSED)
    expect(sink.connections).toBe(1)
    clock.advance(HALF_A_MINUTE)
    expect(await post(url)).toMatchObject({ status: 204 })
  })
  it('is looked up once per try, and a change between look-up and connection has no effect', async () => {
    const [good, bad] = [await startWebhookSink(), await startWebhookSink({ host: '127.0.0.2' })]
    const names = { 'hook.example.org': [['127.0.0.1'], ['127.0.0.2']] }
    const { post, looked } = createSender({ names })
    expect(await post(`http://hook.example.org:${good.port}/`)).toMatchObject({ status: 204 })
    expect(looked).toEqual(['hook.example.org'])
    expect(bad.connections).toBe(0)
  })
  it('with several addresses is sent to one that answers', async () => {
    const sink = await startWebhookSink()
    const { post } = createSender({ names: { 'hook.example.org': [['::1', '127.0.0.3', '127.0.0.1']] } })
    expect(await post(`http://hook.example.org:${sink.port}/`)).toMatchObject({ status: 204 })
  })
  it('with a thousand addresses is tried at a few of them', async () => {
    const addresses = Array.from({ length: 1_000 }, (_, n) => `127.0.${n >> 8}.${n & 255}`)
    const sink = await startWebhookSink({ host: '127.0.0.2' })
    const { post } = createSender({ names: { 'many.example.org': [addresses.slice(2)] } })
    expect(await post(`http://many.example.org:${sink.port}/`)).toMatchObject({ status: 204 })
  })
  it('of foreman or its target is refused at their ports only', async () => {
    const sink = await startWebhookSink()
    const server = { names: [], addresses: ['127.0.0.1'], port: sink.port, listensEverywhere: false }
    const names = { 'hook.example.org': [['127.0.0.1']], 'mac.local': [['127.0.0.1']] }
    const url = `http://hook.example.org:${sink.port}/`
    const settings = { webhookAllow: ['hook.example.org', '127.0.0.0/8'] }
    expect(await createSender({ names, settings, own: server }).post(url)).toEqual(REFUSED)
    expect(await createSender({ names, settings, own: { ...server, port: 1 } }).post(url)).toMatchObject({
      status: 204,
    })
    const target = { names: ['mac.local'], addresses: ['mac.local'], port: sink.port, listensEverywhere: true }
    expect(await createSender({ names, settings, target }).post(url)).toEqual(REFUSED)
    const elsewhere = createSender({ names, settings, target: { ...target, port: 1 } })
    expect(await elsewhere.post(url)).toMatchObject({ status: 204 })
    // Looking up the name of a sleeping Mac takes seconds, so it is looked up only when needed.
    expect(elsewhere.looked).toEqual(['hook.example.org'])
    expect(sink.seen).toHaveLength(2)
  })
  it('that resolves to nothing, or to no address, is not sent to', async () => {
    const { post } = createSender({ names: { 'empty.example.org': [[]], 'odd.example.org': [['odd']] } })
    expect(await post('http://empty.example.org/')).toEqual({ kind: 'unreachable' })
    expect(await post('http://odd.example.org/')).toEqual(REFUSED)
  })
})

describe('a target on this machine', () => {
  const machine = { names: ['box'], addresses: ['127.0.0.1', '192.168.1.2'] }
  const names = { 'hook.example.org': [['127.0.0.2']], 'mac.local': [['192.168.1.2']] }
  const settings = { webhookAllow: ['hook.example.org', '127.0.0.0/8', '0.0.0.0'] }

  it('is never sent to at another of its loopback addresses', async () => {
    const sink = await startWebhookSink({ host: '127.0.0.2' })
    const target = { names: ['127.0.0.1'], addresses: ['127.0.0.1'], port: sink.port, listensEverywhere: true }
    const { post } = createSender({ names, settings, machine, target })
    for (const host of ['hook.example.org', '127.0.0.2', '[::ffff:127.0.0.2]', '[::1]', '0.0.0.0', '192.168.1.2'])
      expect([host, await post(`http://${host}:${sink.port}/api/pull`)]).toMatchObject([
        host,
        { kind: 'refused_address' },
      ])
    expect(sink.connections).toBe(0)
  })
  it('is recognised if its name resolves to an address of an interface', async () => {
    const sink = await startWebhookSink({ host: '127.0.0.2' })
    const target = { names: ['mac.local'], addresses: [], port: sink.port, listensEverywhere: true }
    const { post } = createSender({ names, settings, machine, target })
    expect(await post(`http://hook.example.org:${sink.port}/`)).toEqual(REFUSED)
    expect(sink.connections).toBe(0)
  })
})

describe('a receiver address', () => {
  it('is refused permanently as it is written, without a look-up', async () => {
    const sink = await startWebhookSink()
    const { post, looked } = createSender({ settings: { webhookDeny: ['127.0.0.0/8'] } })
    for (const host of ['127.0.0.1', '2130706433', '[::ffff:127.0.0.1]', '0x7f.1'])
      expect(await post(`http://${host}:${sink.port}/`)).toEqual({ ...REFUSED, isLasting: true })
    expect(await post('http://169.254.169.254/')).toEqual({ ...REFUSED, isLasting: true })
    expect(looked).toEqual([])
    expect(sink.connections).toBe(0)
  })
  it('of the connected peer is checked before a byte is sent', async () => {
    const sink = await startWebhookSink()
    // On Linux a connection to the unspecified address reaches this machine.
    const { post } = createSender({ settings: { webhookAllow: ['0.0.0.0'], webhookDeny: ['127.0.0.0/8'] } })
    expect(await post(`http://0.0.0.0:${sink.port}/`)).toEqual(REFUSED)
    await until('the connection came', () => sink.connections === 1)
    expect(sink.bytes).toBe(0)
  })
})

describe('DNS look-ups', () => {
  it('run one at a time and are shared by all who need the same name', async () => {
    const sink = await startWebhookSink()
    const running: { readonly host: string; readonly answer: () => void }[] = []
    const lookup = (host: string) =>
      new Promise<ReturnType<typeof resolved>[]>((resolve) => {
        running.push({ host, answer: () => resolve([resolved('127.0.0.1')]) })
      })
    const { post } = createSender({ lookup })
    const urls = ['a', 'b', 'a', 'b', 'a'].map((name) => `http://${name}.example.org:${sink.port}/`)
    const outcomes = urls.map((url) => post(url))
    await until('the first is asked', () => running.length === 1)
    running[0]?.answer()
    await until('the second is asked', () => running.length === 2)
    running[1]?.answer()
    expect(await Promise.all(outcomes)).toMatchObject(urls.map(() => ({ status: 204 })))
    expect(running.map(({ host }) => host)).toEqual(['a.example.org', 'b.example.org'])
  })
  it('of names that resolved before go first', async () => {
    const sink = await startWebhookSink()
    const asked: string[] = []
    let hold: Promise<void> | null = null
    const lookup = async (host: string) => {
      asked.push(host)
      await hold
      return [resolved('127.0.0.1')]
    }
    const { post, clock } = createSender({ lookup })
    const send = (name: string) => post(`http://${name}.example.org:${sink.port}/`)
    await send('good')
    clock.advance(HALF_A_MINUTE)
    const { promise, resolve } = Promise.withResolvers<void>()
    hold = promise
    const outcomes = ['slow-1', 'slow-2', 'slow-3', 'good'].map(send)
    await until('one is asked', () => asked.length === 2)
    resolve()
    await Promise.all(outcomes)
    expect(asked).toEqual(['good', 'slow-1', 'good', 'slow-2', 'slow-3'].map((name) => `${name}.example.org`))
  })
  it('that are no longer needed are skipped', async () => {
    const asked: string[] = []
    let answer = (): void => {}
    const lookup = (host: string) => {
      asked.push(host)
      return new Promise<ReturnType<typeof resolved>[]>((_resolve, reject) => {
        answer = () => reject(new Error('SERVFAIL'))
      })
    }
    const { post, clock } = createSender({ lookup })
    const outcomes = ['a', 'b', 'c'].map((name) => post(`http://${name}.example.org/`))
    await until('one is asked', () => asked.length === 1)
    clock.advance(15_000)
    expect(await Promise.all(outcomes)).toEqual(Array(3).fill({ kind: 'timeout' }))
    answer()
    const next = post('http://d.example.org/')
    await until('the next is asked', () => asked.length === 2)
    answer()
    expect(await next).toEqual({ kind: 'unreachable' })
    expect(asked).toEqual(['a.example.org', 'd.example.org'])
  })
  it('are cached for half a minute, except for failed ones', async () => {
    const sink = await startWebhookSink()
    const names = { 'hook.example.org': [['127.0.0.9'], ['127.0.0.1']] }
    const { post, looked, clock } = createSender({ names })
    const url = `http://hook.example.org:${sink.port}/`
    expect(await post(url)).toEqual({ kind: 'unreachable' })
    expect(await post(url)).toMatchObject({ status: 204 })
    expect(looked).toHaveLength(2)
    clock.advance(HALF_A_MINUTE - 1)
    await post(url)
    expect(looked).toHaveLength(2)
    clock.advance(1)
    await post(url)
    expect(looked).toHaveLength(3)
  })
})
