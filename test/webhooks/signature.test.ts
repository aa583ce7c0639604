// Signatures, checked with the library of Standard Webhooks and with Node's own HMAC, and signatures that are refused.

import { createHmac, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import {
  type Received,
  signWebhook,
  verifyBodySignature,
  verifyWebhook,
  type WebhookKey,
  webhookId,
  webhookKey,
} from '../../src/protocol/webhook.ts'

const NOW = Date.now()
const SECONDS = Math.floor(NOW / 1000)
const BODY = bytes('{"type":"job.done","job_id":"01JD","result":{"n":12345678901234567890},"text":"schön"}')
const SECRETS = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'a plain secret, schön'] as const

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

function keyOf(secret: string): WebhookKey {
  const key = webhookKey(secret)
  if (key === null) throw new Error(secret)
  return key
}

const [NEW, OLD] = [keyOf(SECRETS[0]), keyOf(SECRETS[1])]

const signed = (keys: readonly WebhookKey[], timestamp = SECONDS): Promise<Record<string, string>> =>
  signWebhook({ id: '01JD-4', timestamp, body: BODY, keys })

const verdict = async (changes: Partial<Received>, keys: readonly WebhookKey[] = [NEW]): Promise<string> => {
  const result = await verifyWebhook({ headers: await signed([NEW]), body: BODY, keys, now: NOW, ...changes })
  return result.kind === 'valid' ? 'valid' : result.reason
}

describe('a signed webhook', () => {
  it('is accepted by the library of Standard Webhooks, also during a rotation', async () => {
    const headers = await signed([NEW, OLD])
    const text = new TextDecoder().decode(BODY)
    expect(new Webhook(SECRETS[0]).verify(text, headers)).toBeTruthy()
    expect(new Webhook(new Uint8Array(OLD), { format: 'raw' }).verify(text, headers)).toBeTruthy()
    expect(() => new Webhook(SECRETS[0]).verify(`${text} `, headers)).toThrow()
  })
  it('has the HMAC-SHA256 of the body alone with the first secret', async () => {
    const headers = await signed([OLD, NEW])
    expect(headers['x-foreman-signature']).toBe(`sha256=${createHmac('sha256', OLD).update(BODY).digest('hex')}`)
  })
  it('has one signature for each secret, in order', async () => {
    const signature = (key: WebhookKey): string =>
      `v1,${createHmac('sha256', key).update(`01JD-4.${SECONDS}.`).update(BODY).digest('base64')}`
    expect((await signed([NEW, OLD]))['webhook-signature']).toBe(`${signature(NEW)} ${signature(OLD)}`)
  })
  it('has no signature without a secret, and the same id nevertheless', async () => {
    expect(await signed([])).toEqual({ 'webhook-id': '01JD-4', 'webhook-timestamp': String(SECONDS) })
  })
  it('has an id without a dot, because the dot separates the signed parts', () => {
    expect(webhookId('01JD0000000000000000000000', 12)).toBe('01JD0000000000000000000000-12')
  })
})

describe("the receiver's check", () => {
  it('accepts a signature with any of its secrets', async () => {
    expect(await verifyWebhook({ headers: await signed([NEW]), body: BODY, keys: [OLD, NEW], now: NOW })).toEqual({
      kind: 'valid',
      id: '01JD-4',
      timestamp: SECONDS,
    })
    expect(await verdict({ headers: await signed([NEW, OLD]) }, [OLD])).toBe('valid')
  })
  it('accepts Headers of fetch', async () => {
    expect(await verdict({ headers: new Headers(await signed([NEW])) })).toBe('valid')
  })
  it('accepts what the library of Standard Webhooks has signed', async () => {
    const text = new TextDecoder().decode(BODY)
    const signature = new Webhook(SECRETS[0]).sign('msg_1', new Date(SECONDS * 1000), text)
    const headers = { 'webhook-id': 'msg_1', 'webhook-timestamp': String(SECONDS), 'webhook-signature': signature }
    expect(await verdict({ headers })).toBe('valid')
  })
  it('rejects everything without a secret, or with another one', async () => {
    expect(await verdict({}, [])).toBe('signature_mismatch')
    expect(await verdict({}, [OLD])).toBe('signature_mismatch')
  })
  it('rejects a changed byte of body, id or time', async () => {
    const headers = await signed([NEW])
    for (const at of [0, 20, BODY.length - 1]) {
      const changed = BODY.slice()
      changed[at] = (changed[at] ?? 0) ^ 1
      expect(await verdict({ body: changed })).toBe('signature_mismatch')
    }
    expect(await verdict({ body: BODY.slice(0, -1) })).toBe('signature_mismatch')
    expect(await verdict({ headers: { ...headers, 'webhook-id': '01JD-5' } })).toBe('signature_mismatch')
    expect(await verdict({ headers: { ...headers, 'webhook-timestamp': String(SECONDS - 1) } })).toBe(
      'signature_mismatch',
    )
  })
  it('accepts a time up to five minutes in the past or the future', async () => {
    const at = async (timestamp: number, toleranceS?: number): Promise<string> =>
      verdict({
        headers: await signed([NEW], timestamp),
        now: SECONDS * 1000,
        ...(toleranceS === undefined ? {} : { toleranceS }),
      })
    expect(await at(SECONDS - 300)).toBe('valid')
    expect(await at(SECONDS + 300)).toBe('valid')
    expect(await at(SECONDS - 301)).toBe('too_old')
    expect(await at(SECONDS + 301)).toBe('too_new')
    expect(await at(SECONDS - 301, 600)).toBe('valid')
  })
  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])('rejects a webhook without %s', async (name) => {
    const { [name]: _gone, ...rest } = await signed([NEW])
    expect(await verdict({ headers: rest })).toBe('header_missing')
    expect(await verdict({ headers: { ...rest, [name]: ['a', 'b'] } })).toBe('header_missing')
  })
  it.each(['soon', '-1', '1e9', '1767700000.5', `${SECONDS}, ${SECONDS}`, '9'.repeat(30)])(
    'rejects a time such as %s',
    async (timestamp) => {
      const headers = { ...(await signed([NEW])), 'webhook-timestamp': timestamp }
      expect(await verdict({ headers })).toBe('header_malformed')
    },
  )
  it.each([
    ['another version', (v1: string) => v1.replace('v1,', 'v2,')],
    ['no version', (v1: string) => v1.slice(3)],
    ['no base64', () => 'v1,%%%'],
    ['half of one', (v1: string) => v1.slice(0, 20)],
    ['nothing after the comma', () => 'v1,'],
    ['too many before the right one', (v1: string) => `${'v1,AAAA '.repeat(16)}${v1}`],
  ])('rejects a signature that is %s', async (_name, spoil) => {
    const headers = await signed([NEW])
    const signature = spoil(headers['webhook-signature'] ?? '')
    expect(await verdict({ headers: { ...headers, 'webhook-signature': signature } })).toBe('signature_mismatch')
  })
  it('finds the valid signature among others', async () => {
    const headers = await signed([NEW])
    const signature = `v1a,xyz v1,AAAA ${headers['webhook-signature']}`
    expect(await verdict({ headers: { ...headers, 'webhook-signature': signature } })).toBe('valid')
  })
  it('does not take the signature of the body alone for proof of time', async () => {
    const { 'x-foreman-signature': body = '' } = await signed([NEW])
    expect(await verdict({ headers: { 'x-foreman-signature': body } })).toBe('header_missing')
  })
  it('never throws, whatever it gets', async () => {
    const header = fc.option(fc.string(), { nil: undefined })
    await fc.assert(
      fc.asyncProperty(header, header, header, fc.uint8Array(), async (id, timestamp, signature, body) => {
        const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }
        return (await verdict({ headers, body: new Uint8Array(body) })) !== 'valid'
      }),
    )
  })
})

describe('a receiver that looks at X-Foreman-Signature only', () => {
  it('accepts the first secret and rejects another body', async () => {
    const headers = await signed([NEW, OLD])
    expect(await verifyBodySignature({ headers, body: BODY, keys: [NEW] })).toBe(true)
    expect(await verifyBodySignature({ headers, body: BODY, keys: [OLD] })).toBe(false)
    expect(await verifyBodySignature({ headers, body: bytes('{}'), keys: [NEW] })).toBe(false)
    expect(await verifyBodySignature({ headers: {}, body: BODY, keys: [NEW] })).toBe(false)
    expect(
      await verifyBodySignature({ headers: { 'x-foreman-signature': 'sha256=00' }, body: BODY, keys: [NEW] }),
    ).toBe(false)
  })
})

describe('a secret', () => {
  it('is base64 after whsec_, otherwise its own bytes', () => {
    const key = randomBytes(32)
    expect(webhookKey(`whsec_${key.toString('base64')}`)).toEqual(new Uint8Array(key))
    expect(webhookKey(`whsec_${key.toString('base64').replace('=', '')}`)).toEqual(new Uint8Array(key))
    expect(webhookKey('schön')).toEqual(bytes('schön'))
  })
  it.each(['whsec_', 'whsec_a', 'whsec_%%%%', 'whsec_aGVs bG8=', 'whsec_aGVsbG8_'])('is invalid: %s', (secret) => {
    expect(webhookKey(secret)).toBeNull()
  })
})
