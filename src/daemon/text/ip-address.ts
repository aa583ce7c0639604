// Owns what an IP address is: read from any spelling that a URL, a resolver or a socket gives, the IPv4 addresses hidden in
// an IPv6 one, and what kind of place it names. Pure; whether anybody may go there is address-policy.ts.

export interface IpAddress {
  readonly family: 4 | 6
  readonly value: bigint
}

export interface IpRange {
  readonly first: IpAddress
  readonly bits: number
}

const WIDTH = { 4: 32n, 6: 128n } as const

/** Null: no address. Brackets and a zone (`fe80::1%eth0`) are cut off; other spellings of IPv4 (`0x7f.1`) are the URL parser's to read. */
export function readIp(text: string): IpAddress | null {
  const bare = text.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '')
  return bare.includes(':') ? readIpv6(bare) : readIpv4(bare)
}

/** `10.0.0.0/8`, or one address. A range of mapped addresses is read as the range of the IPv4 addresses in it. */
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
 * The address, and every IPv4 address that something on the way may make of it: mapped and compatible (RFC 4291), 6to4,
 * Teredo (server, and client, whose bits are turned), NAT64 (RFC 6052 and 8215, the latter in both of its forms).
 */
export function formsOf(ip: IpAddress): readonly IpAddress[] {
  if (ip.family === 4) return [ip]
  const v4 = (value: bigint): IpAddress => ({ family: 4, value: value & 0xffff_ffffn })
  const lies = (range: string): boolean => isWithin(rangeOf(range), ip)
  const forms = [ip]
  // :: and ::1 are no IPv4.
  if (lies('::/96') && ip.value > 1n) forms.push(v4(ip.value))
  if (lies('::ffff:0:0/96') || lies('::ffff:0:0:0/96') || lies('64:ff9b::/96')) forms.push(v4(ip.value))
  if (lies('2002::/16')) forms.push(v4(ip.value >> 80n))
  if (lies('2001::/32')) forms.push(v4(ip.value >> 64n), v4(~ip.value))
  if (lies('64:ff9b:1::/48'))
    forms.push(v4(ip.value), v4(((ip.value >> 48n) & 0xffff_0000n) | ((ip.value >> 40n) & 0xffffn)))
  return forms
}

/** `public`, `private` and `loopback` are where receivers live; the others are no place for one. */
export type AddressRange =
  | 'public'
  | 'private'
  | 'loopback'
  | Exclude<(typeof PLACES)[number][0], 'private' | 'loopback'>

/** The first that fits holds. */
const PLACES = [
  // Cloud metadata: AWS (v6), GCP (v6), Alibaba, Azure, Oracle; all that hand out credentials to whoever can ask.
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
  // 100.64/10 is shared with carriers, and where Tailscale lives; fec0::/10 is what fc00::/7 was before.
  ['private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7', 'fec0::/10']],
  // Teredo, ORCHID, benchmarking and their like: no receiver lives there.
  ['reserved', ['2001::/23']],
] as const

/** What has no IPv4 in it and lies outside of these is not given to anybody yet. */
const GIVEN = ['2000::/3', '::ffff:0:0/96', '64:ff9b::/96']

/** What kind of place this one form of an address is; ask for all of `formsOf`. */
export function placeOf(ip: IpAddress): AddressRange {
  for (const [place, ranges] of PLACES) if (ranges.some((range) => isWithin(rangeOf(range), ip))) return place
  if (ip.family === 4) return 'public'
  return GIVEN.some((range) => isWithin(rangeOf(range), ip)) ? 'public' : 'reserved'
}

/** As it is written. */
export function formatIp({ family, value }: IpAddress): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.')
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

/** Whether a connection to this form of an address stays on the machine that makes it: loopback, or unspecified. */
export function isLoopbackIp(ip: IpAddress): boolean {
  const place = placeOf(ip)
  return place === 'loopback' || place === 'unspecified'
}

/**
 * Whether a host, as a name or an address without brackets, is a loopback one: `localhost`, `*.localhost`, 127.0.0.0/8,
 * `::1`, and IPv4 ones mapped into IPv6. The unspecified address is not, because a server that listens there is open.
 */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '')
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  const ip = readIp(name)
  return ip !== null && plainForms(ip).some((form) => placeOf(form) === 'loopback')
}

const isMapped = (ip: IpAddress): boolean => ip.family === 6 && ip.value >> 32n === 0xffffn

/** The address, and the IPv4 address of a mapped one, which is the same socket. */
export const plainForms = (ip: IpAddress): readonly IpAddress[] =>
  isMapped(ip) ? [ip, { family: 4, value: ip.value & 0xffff_ffffn }] : [ip]

const known = new Map<string, IpRange>()

/** A range of the tables above. */
function rangeOf(text: string): IpRange {
  const range = known.get(text) ?? rangeAsWritten(text)
  if (range === null) throw new Error(`${text} is no range`)
  known.set(text, range)
  return range
}

function readIpv4(text: string): IpAddress | null {
  if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text)) return null
  const bytes = text.split('.').map(Number)
  if (bytes.some((byte) => byte > 255)) return null
  return { family: 4, value: bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n) }
}

function readIpv6(text: string): IpAddress | null {
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  const v4 = tail === null ? null : readIpv4(tail[2] ?? '')
  if (tail !== null && v4 === null) return null
  const hex = v4 === null ? text : `${tail?.[1]}${(v4.value >> 16n).toString(16)}:${(v4.value & 0xffffn).toString(16)}`
  const halves = hex.split('::')
  if (halves.length > 2) return null
  const [left = [], right = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const missing = 8 - left.length - right.length
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null
  const groups = [...left, ...Array<string>(missing).fill('0'), ...right]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null
  return { family: 6, value: groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n) }
}
