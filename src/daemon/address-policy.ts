// Owns where webhooks may go: nowhere that a submitter could not mean, never to foreman itself or its target. Pure: it
// resolves nothing; what a name stands for is asked of it again, address by address, by whoever connects.

import {
  formatIp,
  formsOf,
  type IpAddress,
  type IpRange,
  isSameIp,
  isWithin,
  type Place,
  placeOf,
  readIp,
  readRange,
} from './ip-address.ts'

/** Ranges of addresses, and host names. */
interface Rules {
  readonly ranges: readonly IpRange[]
  readonly names: ReadonlySet<string>
}

/** One server: by what names and addresses it is reached, and at which port. */
export interface Server {
  /** Lower case. */
  readonly names: readonly string[]
  /** An unspecified one (`0.0.0.0`, `::`) stands for every loopback address too. */
  readonly addresses: readonly string[]
  readonly port: number
}

export interface AddressPolicy {
  readonly allow: Rules
  /** Nothing but what `allow` holds. */
  readonly only: boolean
  readonly deny: Rules
  readonly own: Server
  readonly target: Server
  /** FOREMAN_PUBLIC_URL: what lies under it is foreman. */
  readonly publicUrl: string | null
}

export interface PolicySettings {
  /** FOREMAN_WEBHOOK_ALLOW and _DENY. */
  readonly webhookAllow: readonly string[]
  readonly webhookDeny: readonly string[]
  readonly publicUrl: string | null
}

/** Where a webhook goes, read once and the same for whoever checks, connects and limits. */
export interface Receiver {
  readonly url: URL
  /** Name or address, in lower case, without brackets and without the dot at its end. */
  readonly host: string
  readonly port: number
  /** Null: a name. */
  readonly ip: IpAddress | null
}

/** Longer ones break proxies, and are stored with each job. */
export const LONGEST_WEBHOOK_URL = 2048

/** Names of cloud metadata services; what they resolve to is refused as well, where it is known. */
const METADATA_NAMES = [
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.tencentyun.com',
  'instance-data',
  'instance-data.ec2.internal',
]

const FIT: readonly Place[] = ['public', 'private', 'loopback']

export function createAddressPolicy(settings: PolicySettings, own: Server, target: Server): AddressPolicy {
  return {
    allow: rulesOf(settings.webhookAllow.filter((rule) => rule !== 'only')),
    only: settings.webhookAllow.includes('only'),
    deny: rulesOf(settings.webhookDeny),
    own,
    target,
    publicUrl: settings.publicUrl,
  }
}

/** The place a URL names; a string: why it names none, as the end of a sentence that begins with it. */
export function readReceiver(text: string): Receiver | string {
  if (text.length > LONGEST_WEBHOOK_URL) return `is longer than ${LONGEST_WEBHOOK_URL} characters`
  // The URL parser drops tabs and line breaks without a word.
  if (/[\s\p{Cc}]/u.test(text)) return 'holds a space or a control character'
  if (!URL.canParse(text)) return 'is no absolute URL, such as http://192.168.1.5:8123/api/webhook/x'
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return `has the scheme ${url.protocol.slice(0, -1)}: only http and https are allowed`
  if (url.username !== '' || url.password !== '')
    return 'holds credentials, which would be stored and sent in the clear: put a secret into its path or query'
  if (url.port === '0') return 'has port 0'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  if (host === '') return 'has no host'
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  return { url, host, port, ip: readIp(host) }
}

/** At submit: why this URL can never be sent to, as the end of a sentence; null: it may be, as far as can be known. */
export function webhookUrlRefusal(url: string, policy: AddressPolicy): string | null {
  const receiver = readReceiver(url)
  return typeof receiver === 'string' ? receiver : receiverRefusal(receiver, policy)
}

/** What can be said of a receiver before its name is resolved. */
export function receiverRefusal(receiver: Receiver, policy: AddressPolicy): string | null {
  const { host, port, ip } = receiver
  if (ip !== null) return addressRefusal(formatIp(ip), receiver, policy)
  const server = serverNamed(host, port, policy) ?? (isUnderPublicUrl(receiver, policy) ? 'foreman itself' : null)
  if (server !== null) return `goes to ${server}, which is never allowed`
  if (policy.deny.names.has(host)) return `goes to ${host}, which FOREMAN_WEBHOOK_DENY holds`
  if (policy.allow.names.has(host)) return null
  if (policy.only && policy.allow.ranges.length === 0) return notListed(host)
  return METADATA_NAMES.includes(host) ? unfit(host, 'metadata') : null
}

/**
 * Why `address`, which the receiver's name stands for or which a socket is connected to, must not be sent to; null: it may.
 * Of an IPv6 address with an IPv4 one in it, both are judged, and the stricter verdict holds.
 */
export function addressRefusal(address: string, receiver: Receiver, policy: AddressPolicy): string | null {
  const ip = readIp(address)
  if (ip === null) return `goes to ${receiver.host}, which resolves to something that is no address`
  const forms = formsOf(ip)
  const shown = receiver.ip === null ? `${receiver.host} (${formatIp(ip)})` : formatIp(ip)
  const server = serverAt(forms, receiver.port, policy)
  if (server !== null) return `goes to ${shown}, which is ${server} and never allowed`
  if (isUnderPublicUrl(receiver, policy)) return `goes to ${shown}, which is foreman itself and never allowed`
  if (forms.some((form) => policy.deny.ranges.some((range) => isWithin(range, form))))
    return `goes to ${shown}, which FOREMAN_WEBHOOK_DENY holds`
  // Only the address as it stands: a range of IPv4 that is allowed says nothing of a tunnel to it, but for the mapped
  // spelling, which is the same socket.
  const plain = forms.filter((form) => form === ip || isMapped(ip))
  const isListed =
    policy.allow.names.has(receiver.host) ||
    plain.some((form) => policy.allow.ranges.some((range) => isWithin(range, form)))
  if (isListed) return null
  if (policy.only) return notListed(shown)
  const place = forms.map(placeOf).find((candidate) => !FIT.includes(candidate))
  return place === undefined ? null : unfit(shown, place)
}

const isMapped = (ip: IpAddress): boolean => ip.family === 6 && ip.value >> 32n === 0xffffn

const notListed = (where: string): string =>
  `goes to ${where}, which FOREMAN_WEBHOOK_ALLOW does not hold (it says only)`

const unfit = (where: string, place: Place): string =>
  `goes to ${where}, ${/^[aeiou]/.test(place) ? 'an' : 'a'} ${place} address: FOREMAN_WEBHOOK_ALLOW can except it`

function rulesOf(rules: readonly string[]): Rules {
  const ranges = rules.map(readRange)
  return {
    ranges: ranges.filter((range) => range !== null),
    names: new Set(rules.filter((_, index) => ranges[index] === null)),
  }
}

const WORDS = { own: 'foreman itself', target: 'the target' } as const
const SERVERS = ['own', 'target'] as const

function serverNamed(host: string, port: number, policy: AddressPolicy): string | null {
  const found = SERVERS.find((server) => policy[server].port === port && policy[server].names.includes(host))
  return found === undefined ? null : WORDS[found]
}

function serverAt(forms: readonly IpAddress[], port: number, policy: AddressPolicy): string | null {
  const found = SERVERS.find(
    (server) => policy[server].port === port && policy[server].addresses.some((address) => isAt(forms, address)),
  )
  return found === undefined ? null : WORDS[found]
}

function isAt(forms: readonly IpAddress[], address: string): boolean {
  const ip = readIp(address)
  if (ip === null) return false
  const places = formsOf(ip)
  const isEvery = places.some((form) => form.value === 0n)
  return forms.some(
    (form) =>
      // To connect to the unspecified address is to connect to this machine.
      (isEvery && (form.value === 0n || placeOf(form) === 'loopback')) ||
      (form.value === 0n && places.some((place) => placeOf(place) === 'loopback')) ||
      places.some((place) => isSameIp(place, form)),
  )
}

/** A proxy may have other things beside foreman on the same host, so the path counts. */
function isUnderPublicUrl({ url, port, host }: Receiver, { publicUrl }: AddressPolicy): boolean {
  const base = publicUrl === null ? null : readReceiver(publicUrl)
  if (base === null || typeof base === 'string' || base.host !== host || base.port !== port) return false
  const path = base.url.pathname.replace(/\/+$/, '')
  return url.pathname === path || url.pathname.startsWith(`${path}/`)
}
