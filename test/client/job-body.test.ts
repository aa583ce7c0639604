import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bodyOf } from '../../src/client/job-body.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (it: string | Uint8Array): string => (typeof it === 'string' ? it : new TextDecoder().decode(it))

describe('the body of a submission', () => {
  it('has the options with their wire names', () => {
    const body = bodyOf(
      { model: 'tiny-a' },
      {
        endpoint: '/v1/messages',
        label: 'nightly "1"',
        webhookUrl: 'http://here/x',
        webhookEvents: ['done', 'failed'],
        startBefore: '5m',
        finishBefore: 90_000,
      },
    )
    expect(JSON.parse(text(body))).toEqual({
      model: 'tiny-a',
      endpoint: '/v1/messages',
      label: 'nightly "1"',
      state_webhook_url: 'http://here/x',
      webhook_events: ['done', 'failed'],
      start_before: '5m',
      finish_before: '90000ms',
    })
  })

  it('that is text or bytes stays unchanged without options', () => {
    const odd = '{ "seed": 12345678901234567890, "a" : 1.0 }'
    expect(bodyOf(odd, {})).toBe(odd)
    const given = bytes(odd)
    expect(bodyOf(given, { label: undefined })).toBe(given)
  })

  it('that is text or bytes keeps every other byte', () => {
    const member = fc.tuple(fc.string(), fc.jsonValue())
    const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/)
    fc.assert(
      fc.property(fc.array(member, { maxLength: 3 }), space, space, fc.string(), (members, before, inside, label) => {
        const inner = members.map(([name, value]) => `${JSON.stringify(`k${name}`)} : ${JSON.stringify(value)}`)
        const body = `${before}{${inside}${inner.join(' ,')}}\n`
        const joined = bodyOf(body, { label })
        expect(text(bodyOf(bytes(body), { label }))).toBe(joined)
        expect(JSON.parse(text(joined))).toEqual({ ...JSON.parse(body), label })
        expect(text(joined).startsWith(`${before}{`)).toBe(true)
        expect(text(joined).endsWith(body.slice(before.length + 1))).toBe(true)
      }),
    )
  })

  it.each(['[1]', '', '"x"', '(/\ufffd'])('%j rejects options with an error', (body) => {
    expect(() => bodyOf(body, { label: 'x' })).toThrow(TypeError)
    expect(() => bodyOf(bytes(body), { label: 'x' })).toThrow('a JSON object')
  })
})
