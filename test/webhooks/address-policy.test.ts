// Address policy of webhooks: URLs that a submitter might try, addresses to which a name might resolve, and the two settings.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formsOf, readIp } from '../../src/daemon/text/ip-address.ts'
import {
  type AddressPolicy,
  addressRefusal,
  createAddressPolicy,
  readReceiver,
  type Server,
  type ThisMachine,
  webhookUrlRefusal,
} from '../../src/daemon/webhooks/address-policy.ts'
import { anyText } from '../any-text.ts'

interface PolicyOptions {
  readonly allow?: string
  readonly deny?: string
  readonly own?: Partial<Server>
  readonly target?: Partial<Server>
  readonly publicUrl?: string
  readonly machine?: ThisMachine
}

const BOX: ThisMachine = { names: ['box'], addresses: ['192.168.1.2', 'fe80::2', 'fd00::2'] }

function policy({
  allow = '',
  deny = '',
  own = {},
  target = {},
  publicUrl,
  machine = BOX,
}: PolicyOptions = {}): AddressPolicy {
  const rules = (text: string): string[] => text.split(',').filter((rule) => rule !== '')
  return createAddressPolicy(
    { webhookAllow: rules(allow), webhookDeny: rules(deny), publicUrl: publicUrl ?? null },
    { names: [], addresses: ['0.0.0.0'], port: 8080, listensEverywhere: true, ...own },
    { names: ['mac.local'], addresses: ['192.168.1.9'], port: 11434, listensEverywhere: true, ...target },
    machine,
  )
}

const refusal = (url: string, options: PolicyOptions = {}): string | null => webhookUrlRefusal(url, policy(options))

/** Checks an address to which a name has resolved. */
function resolved(address: string, options: PolicyOptions = {}, url = 'http://hook.example.org:9000/'): string | null {
  const receiver = readReceiver(url)
  if (typeof receiver === 'string') throw new Error(receiver)
  return addressRefusal(address, receiver, policy(options))
}

describe('a webhook may go to', () => {
  it.each([
    'http://127.0.0.1:9000/hook',
    'http://localhost:9000/',
    'http://[::1]:9000/',
    'http://192.168.1.5:8123/api/webhook/x?y=z',
    'http://10.0.0.1/',
    'http://172.31.255.255/',
    'http://100.64.0.1/',
    'http://[fd12::1]/',
    'http://ha.lan:8123/',
    'https://hooks.example.org/a#fragment',
    'HTTPS://EXAMPLE.ORG./',
    'http://8.8.8.8/',
    'https://[2606:4700::1111]/',
    'http://[::ffff:192.168.1.5]/',
    'http://[64:ff9b::8.8.8.8]/',
    'http://[2002:808:808::1]/',
  ])('%s', (url) => expect(refusal(url)).toBeNull())
})

describe('a webhook may not go to', () => {
  it.each([
    ['', 'not an absolute URL'],
    ['/hook', 'not an absolute URL'],
    ['example.org/hook', 'not an absolute URL'],
    ['http://', 'not an absolute URL'],
    ['http://[fe80::1%25eth0]/', 'not an absolute URL'],
    ['http://1.2.3.4.5/', 'not an absolute URL'],
    ['http://256.1.1.1/', 'not an absolute URL'],
    ['javascript:alert(1)', 'the scheme javascript'],
    ['file:///etc/passwd', 'the scheme file'],
    ['ftp://example.org/', 'the scheme ftp'],
    ['ws://example.org/', 'the scheme ws'],
    ['http://user:pass@example.org/', 'credentials'],
    ['http://user@example.org/', 'credentials'],
    ['http://example.org:0/', 'port 0'],
    ['http://exa\tmple.org/', 'control character'],
    ['http://example.org/ x', 'space'],
    [`http://example.org/${'x'.repeat(2048)}`, 'longer than 2048'],
    ['http://169.254.169.254/latest/meta-data/', 'metadata'],
    ['http://169.254.170.2/', 'metadata'],
    ['http://100.100.100.200/', 'metadata'],
    ['http://168.63.129.16/', 'metadata'],
    ['http://192.0.0.192/', 'metadata'],
    ['http://[fd00:ec2::254]/', 'metadata'],
    ['http://[fd20:ce::254]/', 'metadata'],
    ['http://metadata.google.internal/', 'metadata'],
    ['http://METADATA.google.internal./', 'metadata'],
    ['http://metadata/', 'metadata'],
    ['http://2852039166/', 'metadata'],
    ['http://0xa9fea9fe/', 'metadata'],
    ['http://0xa9.254.0251.0376/', 'metadata'],
    ['http://169.254.43518/', 'metadata'],
    ['http://①⑥⑨.②⑤④.①⑥⑨.②⑤④/', 'metadata'],
    ['http://169。254。169。254/', 'metadata'],
    ['http://%31%36%39.254.169.254/', 'metadata'],
    ['http://[::ffff:169.254.169.254]/', 'metadata'],
    ['http://[::ffff:a9fe:a9fe]/', 'metadata'],
    ['http://[0:0:0:0:0:ffff:a9fe:a9fe]/', 'metadata'],
    ['http://[::a9fe:a9fe]/', 'reserved'],
    ['http://[64:ff9b::a9fe:a9fe]/', 'metadata'],
    ['http://[64:ff9b:1::a9fe:a9fe]/', 'reserved'],
    ['http://[2002:a9fe:a9fe::1]/', 'metadata'],
    ['http://[2001:0:a9fe:a9fe::1]/', 'reserved'],
    ['http://[::ffff:0:169.254.169.254]/', 'reserved'],
    ['http://169.254.1.1/', 'link-local'],
    ['http://[fe80::1]/', 'link-local'],
    ['http://[febf::1]/', 'link-local'],
    ['http://0.0.0.0:9000/', 'an unspecified address'],
    ['http://0/', 'unspecified'],
    ['http://0.1.2.3/', 'unspecified'],
    ['http://[::]:9000/', 'unspecified'],
    ['http://224.0.0.1/', 'a multicast address'],
    ['http://239.255.255.250:1900/', 'multicast'],
    ['http://[ff02::1]/', 'multicast'],
    ['http://255.255.255.255/', 'reserved'],
    ['http://240.0.0.1/', 'reserved'],
    ['http://192.0.0.1/', 'reserved'],
    ['http://192.88.99.1/', 'reserved'],
    ['http://198.19.0.1/', 'reserved'],
    ['http://192.0.2.1/', 'documentation'],
    ['http://198.51.100.1/', 'documentation'],
    ['http://203.0.113.1/', 'documentation'],
    ['http://[2001:db8::1]/', 'documentation'],
    ['http://[3fff::1]/', 'documentation'],
    ['http://[100::1]/', 'reserved'],
    ['http://[5f00::1]/', 'reserved'],
    ['http://[2001:20::1]/', 'reserved'],
    ['http://[4000::1]/', 'reserved'],
  ])('%s', (url, why) => expect(refusal(url)).toContain(why))

  it.each([
    'http://127.0.0.1:8080/jobs',
    'http://127.1:8080/',
    'http://0x7f.1:8080/',
    'http://127.8.9.10:8080/',
    'http://[::1]:8080/',
    'http://[::ffff:7f00:1]:8080/',
    'http://0:8080/',
    'http://[::]:8080/',
    'http://localhost:8080/',
    'http://LOCALHOST.:8080/',
    'http://box:8080/',
    'http://192.168.1.2:8080/',
    'http://[::ffff:192.168.1.2]:8080/',
    'http://[64:ff9b::c0a8:102]:8080/',
    'http://[fd00::2]:8080/',
    'https://localhost:8080/',
  ])('foreman itself: %s, with any setting', (url) => {
    const allow = '0.0.0.0/0,::/0,localhost,box,127.0.0.1'
    expect(refusal(url, { allow })).toContain('foreman itself')
  })
  it('foreman behind its public URL, but may go to others beside it', () => {
    const publicUrl = 'https://home.example.org/foreman'
    expect(refusal('https://home.example.org/foreman/jobs', { publicUrl })).toContain('foreman itself')
    expect(refusal('https://home.example.org:443/x/../foreman', { publicUrl })).toContain('foreman itself')
    for (const path of ['/%66oreman/jobs', '//foreman', '/x/%2e%2e/foreman', '/x%2f..%2fforeman/', '/./foreman/?a'])
      expect(refusal(`https://home.example.org${path}`, { publicUrl })).toContain('foreman itself')
    expect(refusal('https://home.example.org/foremanual', { publicUrl })).toBeNull()
    expect(refusal('https://home.example.org/ha', { publicUrl })).toBeNull()
    expect(resolved('192.168.1.77', { publicUrl }, 'https://home.example.org/foreman/')).toContain('foreman itself')
  })
  it('the target, by name or address, with any setting', () => {
    const allow = 'mac.local,192.168.1.9,0.0.0.0/0'
    for (const url of ['http://mac.local:11434/api/chat', 'http://Mac.Local.:11434/', 'http://192.168.1.9:11434/'])
      expect(refusal(url, { allow })).toContain('the target')
    expect(resolved('192.168.1.9', { allow }, 'http://other.lan:11434/')).toContain('the target')
    expect(refusal('http://mac.local:8123/')).toBeNull()
  })
  describe.each(['127.0.0.1', 'localhost', '::1', '0.0.0.0', 'box', '192.168.1.2', '::ffff:127.0.0.1', 'a.localhost'])(
    'a target called %s, which is this machine,',
    (name) => {
      const target = { names: [name], addresses: [name] }
      it.each([
        '127.0.0.1',
        '127.0.0.2',
        '127.255.255.254',
        '2130706434',
        '[::1]',
        '[::ffff:127.0.0.3]',
        '[::127.0.0.3]',
        '0.0.0.0',
        '[::]',
        '[::ffff:0.0.0.0]',
        'localhost',
        'x.localhost',
        'LOCALHOST.',
        'box',
        '192.168.1.2',
        '[::ffff:192.168.1.2]',
        '[fd00::2]',
        '[fe80::2]',
      ])('as %s, with any setting', (host) => {
        const allow = '0.0.0.0/0,::/0,localhost,x.localhost,box'
        expect(refusal(`http://${host}:11434/api/pull`, { target, allow })).toContain('the target')
        expect(refusal(`http://${host}:8123/`, { target, allow })).toBeNull()
      })
      it('as a name that resolves to another of its addresses', () => {
        for (const address of ['127.0.0.2', '::1', '192.168.1.2', 'fe80::2%eth0'])
          expect(resolved(address, { target, allow: 'hook.lan' }, 'http://hook.lan:11434/')).toContain('the target')
        expect(resolved('192.168.1.77', { target }, 'http://hook.lan:11434/')).toBeNull()
      })
    },
  )
  it('a machine beside the target, at the same port, only by the address of the target', () => {
    expect(refusal('http://127.0.0.1:11434/')).toBeNull()
    expect(refusal('http://192.168.1.10:11434/')).toBeNull()
  })
  it('any address at the port of the target while the addresses of this machine cannot be read', () => {
    const options = { machine: { names: ['box'], addresses: null }, allow: '192.168.1.0/24' }
    expect(refusal('http://192.168.1.77:11434/', options)).toContain('the addresses of this machine cannot be read')
    expect(refusal('http://192.168.1.77:8123/', options)).toBeNull()
  })
})

describe('the address of a resolved name', () => {
  it('is checked by the same rules', () => {
    for (const address of ['93.184.216.34', '192.168.1.5', '::1', '::ffff:10.0.0.1', 'fd00::7']) {
      expect(resolved(address)).toBeNull()
    }
    expect(resolved('169.254.169.254')).toContain('metadata')
    expect(resolved('::ffff:169.254.169.254')).toContain('metadata')
    expect(resolved('fe80::1%eth0')).toContain('link-local')
    expect(resolved('127.0.0.1', {}, 'http://hook.example.org:8080/')).toContain('foreman itself')
  })
  it('is refused if it is not an address', () => {
    for (const address of ['', 'garbage', '1.2.3', '01.2.3.4', '1.2.3.4/8', ':::', '1::2::3', '::1.2.3.400'])
      expect(resolved(address)).toContain('invalid address')
  })
})

describe('FOREMAN_WEBHOOK_ALLOW', () => {
  it('excepts a range from the refused ones', () => {
    expect(refusal('http://169.254.7.7/', { allow: '169.254.0.0/16' })).toBeNull()
    expect(refusal('http://[::ffff:169.254.7.7]/', { allow: '169.254.0.0/16' })).toBeNull()
    expect(refusal('http://[fe80::1]/', { allow: '169.254.0.0/16' })).toContain('link-local')
  })
  it('does not apply inside a tunnel address', () => {
    expect(refusal('http://[64:ff9b::a9fe:707]/', { allow: '169.254.0.0/16' })).toContain('link-local')
  })
  it('excepts a name and the addresses that it resolves to', () => {
    const options = { allow: 'hook.example.org,metadata.google.internal' }
    expect(refusal('http://metadata.google.internal/', options)).toBeNull()
    expect(resolved('169.254.7.7', options)).toBeNull()
    expect(resolved('169.254.7.7', options, 'http://other.example.org/')).toContain('link-local')
  })
  it('allows only its entries if it contains the word only', () => {
    const options = { allow: 'only,192.168.1.0/24,ha.lan' }
    expect(refusal('http://192.168.1.5/', options)).toBeNull()
    expect(refusal('http://ha.lan/', options)).toBeNull()
    expect(resolved('10.0.0.1', options, 'http://ha.lan/')).toBeNull()
    expect(refusal('http://10.0.0.1/', options)).toContain('FOREMAN_WEBHOOK_ALLOW')
    expect(refusal('http://127.0.0.1:9000/', options)).toContain('only')
    // Known only when the name is resolved.
    expect(refusal('http://other.lan/', options)).toBeNull()
    expect(resolved('10.0.0.1', options, 'http://other.lan/')).toContain('only')
    expect(resolved('192.168.1.7', options, 'http://other.lan/')).toBeNull()
    expect(refusal('http://other.lan/', { allow: 'only,ha.lan' })).toContain('only')
    expect(refusal('http://ha.lan/', { allow: 'only' })).toContain('only')
  })
})

describe('FOREMAN_WEBHOOK_DENY', () => {
  it('overrides every other setting', () => {
    const options = { allow: '10.0.0.0/8,router.lan,hook.example.org', deny: '10.1.0.0/16,router.lan' }
    expect(refusal('http://10.2.0.1/', options)).toBeNull()
    expect(refusal('http://10.1.0.1/', options)).toContain('FOREMAN_WEBHOOK_DENY')
    expect(refusal('http://router.lan/', options)).toContain('FOREMAN_WEBHOOK_DENY')
    expect(resolved('10.1.2.3', options)).toContain('FOREMAN_WEBHOOK_DENY')
  })
  it('applies to every spelling of a rule', () => {
    for (const deny of ['10.1.0.0/16', '::ffff:10.1.0.0/112', '::ffff:a01:1', '0x0a.1.1', '0xa010001'])
      for (const host of ['10.1.0.1', '[::ffff:10.1.0.1]'])
        expect([deny, refusal(`http://${host}/`, { deny })]).toEqual([deny, expect.stringContaining('_DENY')])
  })
  it('applies to every spelling of an address', () => {
    for (const host of ['167837697', '[::ffff:a01:1]', '[64:ff9b::a01:1]', '[2002:a01:1::]', '[64:ff9b:1:a01:0:100::]'])
      expect(refusal(`http://${host}/`, { deny: '10.1.0.0/16', allow: '::/0' })).toContain('FOREMAN_WEBHOOK_DENY')
  })
})

describe('an address', () => {
  const v4 = fc.ipV4()
  const v6 = fc.ipV6()
  it('is parsed as the URL parser does', () => {
    fc.assert(fc.property(v6, (text) => readIp(text) === new URL(`http://[${text}]`).hostname.slice(1, -1)))
    fc.assert(fc.property(v4, (text) => readIp(text) === text))
  })
  it('has the embedded IPv4 address of every known form', () => {
    fc.assert(
      fc.property(v4, (text) => {
        const value = text.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
        const hidden: readonly bigint[] = [
          (0xffffn << 32n) | value,
          (0x64_ff9bn << 96n) | value,
          (0x2002n << 112n) | (value << 80n),
          (0x2001_0000n << 96n) | (value << 64n),
          (0x2001_0000n << 96n) | (~value & 0xffff_ffffn),
          (0x64_ff9b_0001n << 80n) | value,
          (0x64_ff9b_0001n << 80n) | ((value >> 16n) << 64n) | ((value & 0xffffn) << 40n),
        ]
        const spelled = (ip: bigint): string =>
          ip
            .toString(16)
            .padStart(32, '0')
            .replace(/.{4}(?=.)/g, '$&:')
        return hidden.every((ip) => formsOf(readIp(spelled(ip)) ?? '').includes(text))
      }),
    )
  })
  it('never crashes the policy, whatever it is', () => {
    fc.assert(fc.property(anyText(), (text) => typeof resolved(text) !== 'undefined'))
    fc.assert(fc.property(fc.oneof(fc.webUrl(), anyText()), (text) => typeof refusal(text) !== 'undefined'))
  })
})
