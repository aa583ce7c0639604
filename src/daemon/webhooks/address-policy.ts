// Address policy of webhooks: refuses special addresses that no receiver should have, and always foreman itself and its
// target. Pure: it resolves no name. The code that connects asks again for each address that a name resolves to.

import { MAX_WEBHOOK_URL_CHARS } from '../../protocol/webhook.ts'
import type { Config } from '../config/options.ts'
import { type AddressKind, formsOf, IpRanges, isLoopbackHost, kindOf, readIp } from '../text/ip-address.ts'

/** Ranges of addresses, and host names. */
interface Rules {
  readonly hasRanges: boolean
  readonly ranges: IpRanges
  readonly names: ReadonlySet<string>
}

/** A server: its names, addresses and port. */
export interface Server {
  /** Lower case. */
  readonly names: readonly string[]
  /** An unspecified address (`0.0.0.0`, `::`) also stands for every loopback address. */
  readonly addresses: readonly string[]
  readonly port: number
  /**
   * Whether it may listen on more addresses than those. If one of its names or addresses belongs to this machine, every
   * address of this machine counts as its own. False for a server that is known to be bound to one address.
   */
  readonly listensEverywhere: boolean
}

/** Names of this machine, and the addresses of its interfaces: null if they could not be read. */
export interface ThisMachine {
  readonly names: readonly string[]
  readonly addresses: readonly string[] | null
}

export interface AddressPolicy {
  readonly allow: Rules
  /** Only what `allow` contains is allowed. */
  readonly only: boolean
  readonly deny: Rules
  readonly own: Server
  readonly target: Server
  readonly machine: ThisMachine
  /** FOREMAN_PUBLIC_URL: every URL under it is foreman itself. */
  readonly publicUrl: string | null
}

export type PolicySettings = Pick<Config, 'publicUrl' | 'webhookAllow' | 'webhookDeny'>

/** The destination of a webhook, parsed once for all checks and limits. */
export interface ReceiverAddress {
  readonly url: URL
  /** Name or address, in lower case, without brackets and without a trailing dot. */
  readonly host: string
  readonly port: number
  /** The host in its shortest spelling; null if it is a name. */
  readonly ip: string | null
}

/** Names of cloud metadata services. Known addresses that they resolve to are refused too. */
const METADATA_NAMES = [
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.tencentyun.com',
  'instance-data',
  'instance-data.ec2.internal',
]

const FIT: readonly AddressKind[] = ['public', 'private', 'loopback']

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

/** Parses a URL. Returns a text if it is invalid: the reason, as the end of a sentence that begins with the URL. */
export function readReceiver(text: string): ReceiverAddress | string {
  if (text.length > MAX_WEBHOOK_URL_CHARS) return `is longer than ${MAX_WEBHOOK_URL_CHARS} characters`
  // The URL parser drops tabs and line breaks silently.
  if (/[\s\p{Cc}]/u.test(text)) return 'contains a space or a control character'
  if (!URL.canParse(text)) return 'is not an absolute URL, such as http://192.168.1.5:8123/api/webhook/x'
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return `has the scheme ${url.protocol.slice(0, -1)}: only http and https are allowed`
  if (url.username !== '' || url.password !== '')
    return 'contains credentials, which would be stored and sent as plain text: put a secret into its path or query'
  if (url.port === '0') return 'has port 0'
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  if (host === '') return 'has no host'
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  return { url, host, port, ip: readIp(host) }
}

/**
 * At submit: the reason why this URL is refused, as the end of a sentence; null if it is allowed, as far as can be
 * known without resolving its name.
 */
export function webhookUrlRefusal(url: string, policy: AddressPolicy): string | null {
  const receiver = readReceiver(url)
  return typeof receiver === 'string' ? receiver : receiverRefusal(receiver, policy)
}

/** Returns the reason why a receiver is refused before its name is resolved; null if it is not. */
export function receiverRefusal(receiver: ReceiverAddress, policy: AddressPolicy): string | null {
  const { host, port, ip } = receiver
  if (ip !== null) return addressRefusal(ip, receiver, policy)
  const server = serverNamed(host, port, policy) ?? (isUnderPublicUrl(receiver, policy) ? 'foreman itself' : null)
  if (server !== null) return `goes to ${server}, which is never allowed`
  if (policy.deny.names.has(host)) return `goes to ${host}, which FOREMAN_WEBHOOK_DENY contains`
  if (policy.allow.names.has(host)) return null
  if (policy.only && !policy.allow.hasRanges) return notListed(host)
  return METADATA_NAMES.includes(host) ? unfit(host, 'metadata') : null
}

/**
 * Returns the reason why `address` is refused, or null. It is an address that the receiver's name resolves to, or that
 * a socket is connected to. An IPv6 address that contains an IPv4 address is judged as both, and the stricter verdict
 * counts.
 */
export function addressRefusal(address: string, receiver: ReceiverAddress, policy: AddressPolicy): string | null {
  const ip = readIp(address)
  if (ip === null) return `goes to ${receiver.host}, which resolves to an invalid address`
  const forms = formsOf(ip)
  const shown = receiver.ip === null ? `${receiver.host} (${ip})` : ip
  const server = serverAt(forms, receiver.port, policy)
  if (server !== null) return `goes to ${shown}, which is ${server} and never allowed`
  if (isUnderPublicUrl(receiver, policy)) return `goes to ${shown}, which is foreman itself and never allowed`
  if (forms.some((form) => policy.deny.ranges.has(form))) return `goes to ${shown}, which FOREMAN_WEBHOOK_DENY contains`
  // An allowed IPv4 range does not allow a tunnel to it.
  if (policy.allow.names.has(receiver.host) || policy.allow.ranges.has(ip)) return null
  if (policy.only) return notListed(shown)
  const kind = forms.map(kindOf).find((candidate) => !FIT.includes(candidate))
  return kind === undefined ? null : unfit(shown, kind)
}

const notListed = (where: string): string =>
  `goes to ${where}, which FOREMAN_WEBHOOK_ALLOW does not contain (and it contains "only")`

const unfit = (where: string, kind: AddressKind): string =>
  `goes to ${where}, ${/^[aeiou]/.test(kind) ? 'an' : 'a'} ${kind} address: add it to FOREMAN_WEBHOOK_ALLOW to allow it`

function rulesOf(rules: readonly string[]): Rules {
  const ranges = rules.filter((rule) => rule.includes('/')).concat(rules.map(ipOf).filter((ip) => ip !== null))
  const names = rules.filter((rule) => !rule.includes('/') && ipOf(rule) === null)
  return { hasRanges: ranges.length > 0, ranges: new IpRanges(...ranges), names: new Set(names) }
}

/** `0x7f.1` is a host name to the settings' parser and an address to the URL parser, so rules are parsed as URLs are. */
function ipOf(rule: string): string | null {
  const url = URL.parse(`http://${rule}`)
  return readIp(rule) ?? (url === null ? null : readIp(url.hostname))
}

const WORDS = { own: 'foreman itself', target: 'the target' } as const
const SERVERS = ['own', 'target'] as const

function serverNamed(host: string, port: number, policy: AddressPolicy): string | null {
  const isNamed = (server: Server): boolean =>
    server.names.includes(host) || (isOnThisMachine(server, policy.machine) && isNameOf(policy.machine, host))
  const found = SERVERS.find((server) => policy[server].port === port && isNamed(policy[server]))
  return found === undefined ? null : WORDS[found]
}

function serverAt(forms: readonly string[], port: number, policy: AddressPolicy): string | null {
  const found = SERVERS.find((server) => policy[server].port === port && isAt(forms, policy[server], policy.machine))
  if (found !== undefined) return WORDS[found]
  // Without the addresses of this machine, any address could be one at which the server listens.
  const mayBe = SERVERS.find(
    (server) => policy[server].port === port && policy[server].listensEverywhere && policy.machine.addresses === null,
  )
  return mayBe === undefined
    ? null
    : `at the port of ${WORDS[mayBe]} and could be it, because the addresses of this machine cannot be read,`
}

const isNameOf = (machine: ThisMachine, host: string): boolean => isLoopbackHost(host) || machine.names.includes(host)

/** Whether a connection to any of these forms of an address reaches this machine. */
const isThisMachine = (forms: readonly string[], machine: ThisMachine): boolean =>
  forms.some((form) => ['loopback', 'unspecified'].includes(kindOf(form))) ||
  (machine.addresses ?? []).some((own) => isOneOf(forms, own))

const formsIn = (address: string): readonly string[] => {
  const ip = readIp(address)
  return ip === null ? [] : formsOf(ip)
}

const isOneOf = (forms: readonly string[], address: string): boolean =>
  formsIn(address).some((form) => forms.includes(form))

/** Whether the server can be reached at each address of this machine. */
const isOnThisMachine = ({ names, addresses, listensEverywhere }: Server, machine: ThisMachine): boolean =>
  listensEverywhere &&
  (names.some((name) => isNameOf(machine, name)) ||
    addresses.some((address) => isThisMachine(formsIn(address), machine)))

function isAt(forms: readonly string[], server: Server, machine: ThisMachine): boolean {
  if (isOnThisMachine(server, machine) && isThisMachine(forms, machine)) return true
  // A connection to the unspecified address reaches a loopback address.
  const isUnspecified = forms.some((form) => kindOf(form) === 'unspecified')
  return server.addresses.some((address) => isOneOf(forms, address) || (isUnspecified && isLoopbackHost(address)))
}

/** A proxy may serve other things than foreman on the same host, so the path counts. */
function isUnderPublicUrl({ url, port, host }: ReceiverAddress, { publicUrl }: AddressPolicy): boolean {
  const base = publicUrl === null ? null : readReceiver(publicUrl)
  if (base === null || typeof base === 'string' || base.host !== host || base.port !== port) return false
  const path = plainPath(base.url.pathname)
  return `${plainPath(url.pathname)}/`.startsWith(path === '' ? '/' : `${path}/`)
}

/** Normalises a path as proxies do: percent-encoding decoded, slashes merged, dots resolved, no trailing slash. */
function plainPath(pathname: string): string {
  const decoded = pathname.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  const merged = decoded.replace(/[\\/]+/g, '/').replace(/[?#]/g, encodeURIComponent)
  return new URL(`http://x${merged}`).pathname.replace(/\/+/g, '/').replace(/\/$/, '')
}
