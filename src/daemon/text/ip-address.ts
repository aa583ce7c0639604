// IP addresses: their spellings in URLs, resolvers and sockets, the IPv4 addresses embedded in IPv6 ones, and the kinds of ranges.
// Pure. address-policy.ts decides which of them webhooks may use. net.BlockList would not do: an address has several forms, and
// foreman must know each.

import { isIP } from 'node:net'

export interface IpAddress {
  readonly family: 4 | 6
  readonly value: bigint
}

export interface IpRange {
  readonly first: IpAddress
  readonly bits: number
}

const WIDTH = { 4: 32n, 6: 128n } as const

/** Returns null if it is not an address. Brackets and a zone (`fe80::1%eth0`) are removed; the URL parser reads `0x7f.1`. */
export function readIp(text: string): IpAddress | null {
  const bare = text.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '')
  return bare.includes(':') ? readIpv6(bare) : readIpv4(bare)
}

/** Reads `10.0.0.0/8`, or one address. A range of mapped addresses is read as the range of the IPv4 addresses in it. */
export function readRange(text: string): IpRange | null {
  const range = rangeAsWritten(text)
  const [, v4] = range === null ? [] : plainForms(range.first)
  return range === null || v4 === undefined || range.bits < 96 ? range : { first: v4, bits: range.bits - 96 }
}

function rangeAsWritten(text: string): IpRange | null {
  const [address = '', bits, ...rest] = text.split('/')
  const first = readIp(address)
  if (first === null || rest.length > 0) return null
  const width = Number(WIDTH[first.family])
  if (bits === undefined) return { first, bits: width }
  return /^\d{1,3}$/.test(bits) && Number(bits) <= width ? { first, bits: Number(bits) } : null
}

export function isWithin({ first, bits }: IpRange, ip: IpAddress): boolean {
  if (first.family !== ip.family) return false
  const shift = WIDTH[ip.family] - BigInt(bits)
  return ip.value >> shift === first.value >> shift
}

export const isSameIp = (a: IpAddress, b: IpAddress): boolean => a.family === b.family && a.value === b.value

/**
 * Returns the address, and each IPv4 address that a device on the way may translate it to: mapped and compatible (RFC 4291),
 * 6to4, Teredo (server, and client, whose bits are inverted), NAT64 (RFC 6052, and both forms of RFC 8215).
 */
export function formsOf(ip: IpAddress): readonly IpAddress[] {
  if (ip.family === 4) return [ip]
  const v4 = (value: bigint): IpAddress => ({ family: 4, value: value & 0xffff_ffffn })
  const lies = (range: string): boolean => isWithin(rangeOf(range), ip)
  const forms = [ip]
  // :: and ::1 hold no IPv4 address.
  if (lies('::/96') && ip.value > 1n) forms.push(v4(ip.value))
  if (lies('::ffff:0:0/96') || lies('::ffff:0:0:0/96') || lies('64:ff9b::/96')) forms.push(v4(ip.value))
  if (lies('2002::/16')) forms.push(v4(ip.value >> 80n))
  if (lies('2001::/32')) forms.push(v4(ip.value >> 64n), v4(~ip.value))
  if (lies('64:ff9b:1::/48'))
    forms.push(v4(ip.value), v4(((ip.value >> 48n) & 0xffff_0000n) | ((ip.value >> 40n) & 0xffffn)))
  return forms
}

/** Kind of a range. A receiver may be in `public`, `private` or `loopback`, and in no other. */
export type AddressRange =
  | 'public'
  | 'private'
  | 'loopback'
  | Exclude<(typeof PLACES)[number][0], 'private' | 'loopback'>

/** The first match counts. */
const PLACES = [
  // Cloud metadata: AWS, GCP, Alibaba, Azure, Oracle. They give credentials to anyone who can reach them.
  [
    'metadata',
    ['169.254.169.254', '169.254.170.2', '169.254.170.23', '100.100.100.200', '168.63.129.16', '192.0.0.192'],
  ],
  ['metadata', ['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254']],
  ['unspecified', ['0.0.0.0/8', '::/128']],
  ['link-local', ['169.254.0.0/16', 'fe80::/10']],
  ['multicast', ['224.0.0.0/4', 'ff00::/8']],
  ['reserved', ['192.0.0.0/24', '192.88.99.0/24', '198.18.0.0/15', '240.0.0.0/4']],
  ['documentation', ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20']],
  ['loopback', ['127.0.0.0/8', '::1']],
  // 100.64/10 is shared with carriers and used by Tailscale; fec0::/10 was replaced by fc00::/7.
  ['private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7', 'fec0::/10']],
  // Teredo, ORCHID, benchmarking and similar: never a receiver.
  ['reserved', ['2001::/23']],
] as const

/** IPv6 addresses outside of these, without an IPv4 address in them, are not assigned yet. */
const GIVEN = ['2000::/3', '::ffff:0:0/96', '64:ff9b::/96']

/** Returns the kind of this one form of an address. Call it for each of `formsOf`. */
export function placeOf(ip: IpAddress): AddressRange {
  for (const [place, ranges] of PLACES) if (ranges.some((range) => isWithin(rangeOf(range), ip))) return place
  if (ip.family === 4) return 'public'
  return GIVEN.some((range) => isWithin(rangeOf(range), ip)) ? 'public' : 'reserved'
}

/** Writes an address in its shortest form. */
export function formatIp({ family, value }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.')
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

/** Returns whether a connection to this form of an address stays on this machine: loopback, or unspecified. */
export function isLoopbackIp(ip: IpAddress): boolean {
  const place = placeOf(ip)
  return place === 'loopback' || place === 'unspecified'
}

/**
 * Returns whether a host, as a name or an address without brackets, is loopback: `localhost`, `*.localhost`, 127.0.0.0/8, `::1`,
 * and mapped IPv4 addresses. The unspecified address is not: a server that listens there is open to the network.
 */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '')
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  const ip = readIp(name)
  return ip !== null && plainForms(ip).some((form) => placeOf(form) === 'loopback')
}

const isMapped = (ip: IpAddress): boolean => ip.family === 6 && ip.value >> 32n === 0xffffn

/** Returns the address, and for a mapped one its IPv4 address, which is the same socket. */
export const plainForms = (ip: IpAddress): readonly IpAddress[] =>
  isMapped(ip) ? [ip, { family: 4, value: ip.value & 0xffff_ffffn }] : [ip]

const known = new Map<string, IpRange>()

/** Reads a range of the tables above, once. */
function rangeOf(text: string): IpRange {
  const range = known.get(text) ?? rangeAsWritten(text)
  if (range === null) throw new Error(`${text} is not a range`)
  known.set(text, range)
  return range
}

function readIpv4(text: string): IpAddress | null {
  if (isIP(text) !== 4) return null
  return { family: 4, value: text.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n) }
}

function readIpv6(text: string): IpAddress | null {
  if (isIP(text) !== 6) return null
  // The URL parser writes each spelling in the same way: eight groups, of which one run of zeros may be `::`.
  const halves = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::')
  const [left = [], right = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const zeros = Array<string>(8 - left.length - right.length).fill('0')
  const value = [...left, ...zeros, ...right].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
  return { family: 6, value }
}
