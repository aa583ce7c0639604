// Owns where webhooks may go: nowhere that a submitter could not mean, never to foreman itself or its target. Pure: it
// resolves nothing; what a name stands for is asked of it again, address by address, by whoever connects.

import { MAX_WEBHOOK_URL_CHARS } from '../../protocol/webhook.ts'
import {
  type AddressRange,
  formatIp,
  formsOf,
  type IpAddress,
  type IpRange,
  isLoopbackHost,
  isLoopbackIp,
  isSameIp,
  isWithin,
  placeOf,
  plainForms,
  readIp,
  readRange,
} from '../text/ip-address.ts'

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
  /**
   * Whether it may listen on more addresses than those. If one of its names or addresses is this machine's, then every
   * address of this machine counts as its own. False for a server that is known to be bound to one address.
   */
  readonly listensEverywhere: boolean
}

/** What this machine is called, and the addresses of its interfaces: null if they could not be read. */
export interface ThisMachine {
  readonly names: readonly string[]
  readonly addresses: readonly string[] | null
}

export interface AddressPolicy {
  readonly allow: Rules
  /** Nothing but what `allow` holds. */
  readonly only: boolean
  readonly deny: Rules
  readonly own: Server
  readonly target: Server
  readonly machine: ThisMachine
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
export interface ReceiverAddress {
  readonly url: URL
  /** Name or address, in lower case, without brackets and without the dot at its end. */
  readonly host: string
  readonly port: number
  /** Null: a name. */
  readonly ip: IpAddress | null
}

/** Names of cloud metadata services; what they resolve to is refused as well, where it is known. */
const METADATA_NAMES = [
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.tencentyun.com',
  'instance-data',
  'instance-data.ec2.internal',
]

const FIT: readonly AddressRange[] = ['public', 'private', 'loopback']

export function createAddressPolicy(
  settings: PolicySettings,
  own: Server,
  target: Server,
  machine: ThisMachine,
): AddressPolicy {
  return {
    allow: rulesOf(settings.webhookAllow.filter((rule) => rule !== 'only')),
    only: settings.webhookAllow.includes('only'),
    deny: rulesOf(settings.webhookDeny),
    own,
    target,
    machine,
    publicUrl: settings.publicUrl,
  }
}

/** The place a URL names; a string: why it names none, as the end of a sentence that begins with it. */
export function readReceiver(text: string): ReceiverAddress | string {
  if (text.length > MAX_WEBHOOK_URL_CHARS) return `is longer than ${MAX_WEBHOOK_URL_CHARS} characters`
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
export function receiverRefusal(receiver: ReceiverAddress, policy: AddressPolicy): string | null {
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
export function addressRefusal(address: string, receiver: ReceiverAddress, policy: AddressPolicy): string | null {
  const ip = readIp(address)
  if (ip === null) return `goes to ${receiver.host}, which resolves to something that is no address`
  const forms = formsOf(ip)
  const shown = receiver.ip === null ? `${receiver.host} (${formatIp(ip)})` : formatIp(ip)
  const server = serverAt(forms, receiver.port, policy)
  if (server !== null) return `goes to ${shown}, which is ${server} and never allowed`
  if (isUnderPublicUrl(receiver, policy)) return `goes to ${shown}, which is foreman itself and never allowed`
  if (forms.some((form) => policy.deny.ranges.some((range) => isWithin(range, form))))
    return `goes to ${shown}, which FOREMAN_WEBHOOK_DENY holds`
  // A range of IPv4 that is allowed does not allow a tunnel to it.
  const isListed =
    policy.allow.names.has(receiver.host) ||
    plainForms(ip).some((form) => policy.allow.ranges.some((range) => isWithin(range, form)))
  if (isListed) return null
  if (policy.only) return notListed(shown)
  const place = forms.map(placeOf).find((candidate) => !FIT.includes(candidate))
  return place === undefined ? null : unfit(shown, place)
}

const notListed = (where: string): string =>
  `goes to ${where}, which FOREMAN_WEBHOOK_ALLOW does not hold (it says only)`

const unfit = (where: string, place: AddressRange): string =>
  `goes to ${where}, ${/^[aeiou]/.test(place) ? 'an' : 'a'} ${place} address: FOREMAN_WEBHOOK_ALLOW can except it`

function rulesOf(rules: readonly string[]): Rules {
  // `0x7f.1` is a host name to a setting, and an address to the URL parser: rules are read as URLs are.
  const ranges = rules.map((rule) => readRange(rule) ?? readIpOfUrl(rule))
  return {
    ranges: ranges.filter((range) => range !== null),
    names: new Set(rules.filter((_, index) => ranges[index] === null)),
  }
}

function readIpOfUrl(host: string): IpRange | null {
  return URL.canParse(`http://${host}`) ? readRange(new URL(`http://${host}`).hostname) : null
}

const WORDS = { own: 'foreman itself', target: 'the target' } as const
const SERVERS = ['own', 'target'] as const

function serverNamed(host: string, port: number, policy: AddressPolicy): string | null {
  const isNamed = (server: Server): boolean =>
    server.names.includes(host) || (isOnThisMachine(server, policy.machine) && isNameOf(policy.machine, host))
  const found = SERVERS.find((server) => policy[server].port === port && isNamed(policy[server]))
  return found === undefined ? null : WORDS[found]
}

function serverAt(forms: readonly IpAddress[], port: number, policy: AddressPolicy): string | null {
  const found = SERVERS.find((server) => policy[server].port === port && isAt(forms, policy[server], policy.machine))
  if (found !== undefined) return WORDS[found]
  // Any address could then be one of this machine's, where the server may listen.
  const mayBe = SERVERS.find(
    (server) => policy[server].port === port && policy[server].listensEverywhere && policy.machine.addresses === null,
  )
  return mayBe === undefined
    ? null
    : `at the port of ${WORDS[mayBe]} and could be it, because the addresses of this machine cannot be read,`
}

const isNameOf = (machine: ThisMachine, host: string): boolean => isLoopbackHost(host) || machine.names.includes(host)

/** Whether a connection to any of these forms of an address comes to this machine. */
function isThisMachine(forms: readonly IpAddress[], machine: ThisMachine): boolean {
  return forms.some((form) => isLoopbackIp(form)) || (machine.addresses ?? []).some((own) => isOneOf(forms, own))
}

function isOneOf(forms: readonly IpAddress[], address: string): boolean {
  const ip = readIp(address)
  return ip !== null && formsOf(ip).some((place) => forms.some((form) => isSameIp(place, form)))
}

/** Whether the server can be reached by each address of this machine. */
function isOnThisMachine({ names, addresses, listensEverywhere }: Server, machine: ThisMachine): boolean {
  if (!listensEverywhere) return false
  return (
    names.some((name) => isNameOf(machine, name)) ||
    addresses.map(readIp).some((ip) => ip !== null && isThisMachine(formsOf(ip), machine))
  )
}

function isAt(forms: readonly IpAddress[], server: Server, machine: ThisMachine): boolean {
  if (isOnThisMachine(server, machine) && isThisMachine(forms, machine)) return true
  return server.addresses.some((address) => isOneOf(forms, address) || isReachedUnspecified(forms, address))
}

/** To connect to the unspecified address is to connect to a loopback address. */
function isReachedUnspecified(forms: readonly IpAddress[], address: string): boolean {
  return forms.some((form) => placeOf(form) === 'unspecified') && isLoopbackHost(address)
}

/** A proxy may have other things beside foreman on the same host, so the path counts. */
function isUnderPublicUrl({ url, port, host }: ReceiverAddress, { publicUrl }: AddressPolicy): boolean {
  const base = publicUrl === null ? null : readReceiver(publicUrl)
  if (base === null || typeof base === 'string' || base.host !== host || base.port !== port) return false
  const path = plainPath(base.url.pathname)
  return `${plainPath(url.pathname)}/`.startsWith(path === '' ? '/' : `${path}/`)
}

/** A path as proxies compare it: percent-encoding undone, slashes merged, dots resolved, without a slash at its end. */
function plainPath(pathname: string): string {
  const decoded = pathname.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  const merged = decoded.replace(/[\\/]+/g, '/').replace(/[?#]/g, encodeURIComponent)
  return new URL(`http://x${merged}`).pathname.replace(/\/+/g, '/').replace(/\/$/, '')
}
