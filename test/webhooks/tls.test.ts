// Receivers that speak TLS: the certificate must be the receiver's, and its address is checked before the connection.

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { until } from '../harness.ts'
import { startWebhookSink } from '../webhook-sink.ts'
import { createSender } from './sender.ts'

const certificate = selfSigned()

/** A certificate for hook.example.org and 127.0.0.1; null without openssl. */
function selfSigned(): { readonly key: string; readonly cert: string } | null {
  const folder = mkdtempSync(join(tmpdir(), 'foreman-tls-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const names = 'subjectAltName=DNS:hook.example.org,IP:127.0.0.1'
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  try {
    const args = [
      'req',
      '-x509',
      ...curve,
      '-keyout',
      key,
      '-out',
      cert,
      '-days',
      '2',
      '-subj',
      '/CN=x',
      '-addext',
      names,
    ]
    execFileSync('openssl', args, { stdio: 'ignore' })
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  } catch {
    return null
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe.skipIf(certificate === null)('a receiver with TLS (openssl makes its certificate)', () => {
  const tls = certificate ?? { key: '', cert: '' }
  const names = { 'hook.example.org': [['127.0.0.1']], 'other.example.org': [['127.0.0.1']] }

  it('is trusted with the names and addresses of its certificate', async () => {
    const sink = await startWebhookSink({ tls })
    const { post, clock } = createSender({ names, ca: tls.cert })
    expect(await post(`https://hook.example.org:${sink.port}/x`)).toMatchObject({ status: 204 })
    expect(await post(`https://127.0.0.1:${sink.port}/x`)).toMatchObject({ status: 204 })
    expect(sink.seen.map(({ path }) => path)).toEqual(['/x', '/x'])
    expect(clock.timers).toBe(0)
  })
  it('is not trusted with another name', async () => {
    const sink = await startWebhookSink({ tls })
    const { post } = createSender({ names, ca: tls.cert })
    expect(await post(`https://other.example.org:${sink.port}/`)).toEqual({ kind: 'unreachable' })
    expect(sink.seen).toHaveLength(0)
  })
  it('is not trusted without a known issuer', async () => {
    const sink = await startWebhookSink({ tls })
    expect(await createSender({ names }).post(`https://hook.example.org:${sink.port}/`)).toEqual({
      kind: 'unreachable',
    })
    expect(sink.seen).toHaveLength(0)
  })
  it('that does not speak TLS is unreachable', async () => {
    const sink = await startWebhookSink()
    expect(await createSender().post(`https://127.0.0.1:${sink.port}/`)).toEqual({ kind: 'unreachable' })
    expect(sink.seen).toHaveLength(0)
  })
  it('that never completes a handshake has 15 s', async () => {
    const silent = createServer()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const came = once(silent, 'connection')
    const { port } = silent.address() as AddressInfo
    const { post, clock } = createSender()
    const outcome = post(`https://127.0.0.1:${port}/`)
    const [socket] = (await came) as [Socket]
    onTestFinished(() => {
      socket.destroy()
      silent.close()
    })
    await once(socket, 'data')
    clock.advance(15_000)
    expect(await outcome).toEqual({ kind: 'timeout' })
    await once(socket, 'close')
  })
  it('gets no handshake if its address is refused', async () => {
    const sink = await startWebhookSink({ tls })
    const { post } = createSender({ settings: { webhookAllow: ['0.0.0.0'], webhookDeny: ['127.0.0.0/8'] } })
    expect(await post(`https://0.0.0.0:${sink.port}/`)).toEqual({ kind: 'refused_address', isLasting: false })
    await until('the connection came', () => sink.connections === 1)
    expect(sink.bytes).toBe(0)
  })
})
