// IP addresses as text: their shortest spelling, sets of ranges, the IPv4 addresses embedded in IPv6 ones, and the kinds of
// ranges. Pure. address-policy.ts decides which of them webhooks may use.

import { BlockList, isIP } from 'node:net'

/**
 * Returns an address in its shortest spelling, or null if it is not an address. Brackets and a zone (`fe80::1%eth0`) are
 * removed. It does not read `0x7f.1`: the URL parser does.
 */
export function readIp(text: string): string | null {
  const bare = text.replace(/^\[(.*)\]$/, '$1').replace(/%.*$/, '')
  const family = isIP(bare)
  if (family === 6) return new URL(`http://[${bare}]`).hostname.slice(1, -1)
  return family === 4 ? bare : null
}

/** Set of address ranges. An IPv4 range also contains the IPv6 addresses that are mapped to it. */
export class IpRanges {
  readonly #v4 = new BlockList()
  readonly #v6 = new BlockList()

  /** @param ranges addresses, and ranges such as `10.0.0.0/8`; all are valid */
  constructor(...ranges: readonly string[]) {
    for (const range of ranges) {
      const [address = '', bits = isIP(address) === 4 ? 32 : 128] = range.split('/')
      const ip = readIp(address) ?? address
      if (isIP(ip) === 4) this.#v4.addSubnet(ip, Number(bits), 'ipv4')
      // A range of mapped addresses is the range of the IPv4 addresses in it.
      else if (MAPPED.test(ip) && Number(bits) >= 96) this.#v4.addSubnet(lastFour(ip), Number(bits) - 96, 'ipv4')
      else this.#v6.addSubnet(ip, Number(bits), 'ipv6')
    }
  }

  /** BlockList finds mapped addresses in IPv4 ranges. It would also find every IPv4 address in `::/0`. */
  has(ip: string): boolean {
    return isIP(ip) === 4 ? this.#v4.check(ip) : this.#v4.check(ip, 'ipv6') || this.#v6.check(ip, 'ipv6')
  }
}

/** The shortest spelling of an IPv6 address that is mapped to an IPv4 one. */
const MAPPED = /^::ffff:[\da-f]+:[\da-f]+$/

function bytesOf(ipv6: string): number[] {
  const [left = [], right = []] = ipv6.split('::').map((half) => (half === '' ? [] : half.split(':')))
  const zeros = Array<string>(8 - left.length - right.length).fill('0')
  const groups = [...left, ...zeros, ...right].map((group) => group.padStart(4, '0'))
  return [...Buffer.from(groups.join(''), 'hex')]
}

const lastFour = (ipv6: string): string => bytesOf(ipv6).slice(12).join('.')

/** Which bytes of an IPv6 address are an IPv4 address. */
const EMBEDDED: readonly { readonly in: IpRanges; readonly bytes: readonly number[]; readonly inverted?: true }[] = [
  // Compatible and mapped (RFC 4291), translated (RFC 2765), NAT64 (RFC 6052, and one form of RFC 8215).
  {
    in: new IpRanges('::/96', '::ffff:0:0/96', '::ffff:0:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48'),
    bytes: [12, 13, 14, 15],
  },
  // The other form of RFC 8215 leaves out byte 8.
  { in: new IpRanges('64:ff9b:1::/48'), bytes: [6, 7, 9, 10] },
  // 6to4.
  { in: new IpRanges('2002::/16'), bytes: [2, 3, 4, 5] },
  // Teredo: the server, and the client, whose bits are inverted.
  { in: new IpRanges('2001::/32'), bytes: [4, 5, 6, 7] },
  { in: new IpRanges('2001::/32'), bytes: [12, 13, 14, 15], inverted: true },
]

/** Returns the address, and each IPv4 address that a device on the way may translate it to. */
export function formsOf(ip: string): readonly string[] {
  // `::` and `::1` hold no IPv4 address.
  if (isIP(ip) === 4 || ip === '::' || ip === '::1') return [ip]
  const all = bytesOf(ip)
  const embedded = EMBEDDED.filter((form) => form.in.has(ip)).map(({ bytes, inverted }) =>
    bytes.map((at) => (inverted ? ~(all[at] ?? 0) & 0xff : all[at])).join('.'),
  )
  return [ip, ...embedded]
}

/** Kinds of ranges. A receiver may be in `public`, `private` or `loopback`, and in no other. The first match counts. */
const KINDS = {
  // Cloud metadata: AWS, GCP, Alibaba, Azure, Oracle. They give credentials to anyone who can reach them.
  metadata: new IpRanges(
    ...['169.254.169.254', '169.254.170.2', '169.254.170.23', '100.100.100.200', '168.63.129.16', '192.0.0.192'],
    ...['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254'],
  ),
  unspecified: new IpRanges('0.0.0.0/8', '::'),
  'link-local': new IpRanges('169.254.0.0/16', 'fe80::/10'),
  multicast: new IpRanges('224.0.0.0/4', 'ff00::/8'),
  documentation: new IpRanges('192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20'),
  // 2001::/23: Teredo, ORCHID, benchmarking and similar, which are never a receiver.
  reserved: new IpRanges('192.0.0.0/24', '192.88.99.0/24', '198.18.0.0/15', '240.0.0.0/4', '2001::/23'),
  loopback: new IpRanges('127.0.0.0/8', '::1'),
  // 100.64/10 is shared with carriers and used by Tailscale; fec0::/10 was replaced by fc00::/7.
  private: new IpRanges('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7', 'fec0::/10'),
  // IPv6 addresses outside of these are not assigned yet.
  public: new IpRanges('0.0.0.0/0', '2000::/3', '64:ff9b::/96'),
}

export type AddressKind = keyof typeof KINDS

/** Returns the kind of this one form of an address. Call it for each of `formsOf`. */
export function kindOf(ip: string): AddressKind {
  const kinds = Object.keys(KINDS) as AddressKind[]
  return kinds.find((kind) => KINDS[kind].has(ip)) ?? 'reserved'
}

/**
 * Returns whether a host, as a name or an address without brackets, is loopback: `localhost`, `*.localhost`, 127.0.0.0/8, `::1`,
 * and mapped IPv4 addresses. The unspecified address is not: a server that listens there is open to the network.
 */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '')
  if (name === 'localhost' || name.endsWith('.localhost')) return true
  const ip = readIp(name)
  return ip !== null && KINDS.loopback.has(ip)
}
