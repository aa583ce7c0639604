// Connection to a webhook receiver: resolves its name, checks every address against the policy, connects only to
// checked addresses, and checks the peer's address before a byte is sent. It knows nothing of HTTP. A refused address
// is a RefusedPeer; other failures are ordinary errors.

import { once } from 'node:events'
import { connect as connectTcp, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { readIp } from '../text/ip-address.ts'
import { type AddressPolicy, addressRefusal, type ReceiverAddress, receiverRefusal } from './address-policy.ts'
import type { DnsCache, ResolvedAddress } from './dns-cache.ts'

export interface PeerParts {
  readonly names: DnsCache
  /** Certificate authorities, PEM, instead of those of Node. */
  readonly ca?: string
}

/**
 * The policy refuses this receiver. `isLasting`: the refusal does not depend on what its name resolves to, or on the
 * addresses of this machine.
 */
export class RefusedPeer extends Error {
  readonly isLasting: boolean
  constructor(why: string, isLasting: boolean) {
    super(why)
    this.isLasting = isLasting
  }
}

/** More addresses than this are suspicious. All are checked, but only the first ones are tried. */
const MAX_ADDRESSES_TRIED = 8

/**
 * Connects to the receiver, with TLS if the URL says so. Rejects with RefusedPeer, with the signal's reason, or with
 * the error of resolver, network or certificate.
 */
export async function connectPeer(
  receiver: ReceiverAddress,
  policy: AddressPolicy,
  parts: PeerParts,
  signal: AbortSignal,
): Promise<Socket> {
  const refusal = receiverRefusal(receiver, policy)
  if (refusal !== null) throw new RefusedPeer(refusal, policy.machine.addresses !== null)
  const addresses = await unlessAborted(resolve(receiver, parts, signal), signal)
  const judge = await unlessAborted(withTarget(policy, receiver, parts, signal), signal)
  // One refused address makes the receiver refused: which address would be used is chance, and a legitimate name does
  // not need both kinds.
  for (const { address } of addresses) refuse(address, receiver, judge)
  const socket = await connected(receiver, addresses.slice(0, MAX_ADDRESSES_TRIED), signal).catch((error: unknown) => {
    parts.names.invalidate(receiver.host)
    throw error
  })
  try {
    refuse(socket.remoteAddress ?? '', receiver, judge)
    return receiver.url.protocol === 'https:' ? await secured(socket, receiver, parts, signal) : socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function refuse(address: string, receiver: ReceiverAddress, policy: AddressPolicy): void {
  const refusal = addressRefusal(address, receiver, policy)
  if (refusal !== null) throw new RefusedPeer(refusal, false)
}

async function resolve(
  { host, ip }: ReceiverAddress,
  { names }: PeerParts,
  signal: AbortSignal,
): Promise<readonly ResolvedAddress[]> {
  const addresses: readonly ResolvedAddress[] =
    ip === null ? await names.resolve(host, signal) : [{ address: ip, family: ip.includes(':') ? 6 : 4 }]
  if (addresses.length === 0) throw new Error(`${host} has no address`)
  return addresses
}

/**
 * Adds the addresses of the target's name to the policy. The name is looked up only for a receiver at the target's
 * port: no other receiver can be the target, and the name of a sleeping Mac takes seconds.
 */
async function withTarget(
  policy: AddressPolicy,
  { port }: ReceiverAddress,
  { names }: PeerParts,
  signal: AbortSignal,
): Promise<AddressPolicy> {
  const { target } = policy
  if (target.port !== port) return policy
  const lookups = target.names.filter((name) => readIp(name) === null).map((name) => names.resolve(name, signal))
  const found = await Promise.allSettled(lookups)
  const resolved = found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
  return {
    ...policy,
    target: { ...target, addresses: [...target.addresses, ...resolved.map(({ address }) => address)] },
  }
}

/** Rejects when the signal fires. The work itself goes on: the system's resolver cannot be interrupted. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const abort = (): void => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  work.then(resolve, reject)
  return promise.finally(() => signal.removeEventListener('abort', abort))
}

/**
 * Connects to one of `addresses`. The name is not looked up again, because it could resolve to something else by now.
 */
function connected(
  receiver: ReceiverAddress,
  addresses: readonly ResolvedAddress[],
  signal: AbortSignal,
): Promise<Socket> {
  const lookup: LookupFunction = (_name, { all }, done) => {
    const [first] = addresses
    if (all === true) done(null, [...addresses])
    else done(null, first?.address ?? '', first?.family)
  }
  const socket = connectTcp({ host: receiver.host, port: receiver.port, lookup, noDelay: true, keepAlive: true })
  return opened(socket, 'connect', signal)
}

/** Starts TLS on a socket whose peer has been checked. TLS from the start would send a greeting before that check. */
function secured(
  socket: Socket,
  { host, ip }: ReceiverAddress,
  { ca }: PeerParts,
  signal: AbortSignal,
): Promise<Socket> {
  const identity = ip === null ? { servername: host } : {}
  const authorities = ca === undefined ? {} : { ca }
  return opened(
    connectTls({ socket, host, ALPNProtocols: ['http/1.1'], ...identity, ...authorities }),
    'secureConnect',
    signal,
  )
}

/** Waits until the socket is open. Destroys it on failure. */
async function opened<T extends Socket>(
  socket: T,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
): Promise<T> {
  // An error without a listener would end the process.
  socket.on('error', () => undefined)
  try {
    await once(socket, event, { signal })
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}
