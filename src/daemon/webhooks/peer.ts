// Owns the socket to a receiver: resolves its name, has every address judged, connects to those and no others, and looks
// who answered before a byte is sent. It knows no HTTP; a refused address is an outcome, everything else a thrown error.

import { connect as connectTcp, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { formatIp, readIp } from '../text/ip-address.ts'
import { type AddressPolicy, addressRefusal, type ReceiverAddress, receiverRefusal } from './address-policy.ts'
import type { DnsCache, ResolvedAddress } from './dns-cache.ts'

export interface PeerParts {
  readonly names: DnsCache
  /** Certificate authorities, PEM, in place of those of Node. */
  readonly ca?: string
}

/** Not to be connected to. `isLasting`: whatever its name resolves to, and whatever addresses this machine has. */
export class RefusedPeer extends Error {
  readonly isLasting: boolean
  constructor(why: string, isLasting: boolean) {
    super(why)
    this.isLasting = isLasting
  }
}

/** A name with more is a joke, or an attack; every one is judged, the first of them are tried. */
const MAX_ADDRESSES_TRIED = 8

/**
 * A socket to the receiver, TLS spoken where the URL says so. Rejects with RefusedPeer, the signal's reason, or whatever
 * resolver, network or certificate say.
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
  // One that is refused condemns them all: which of them is connected to is chance, and nobody's name needs both kinds.
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
  const addresses = ip === null ? await names.resolve(host, signal) : [{ address: formatIp(ip), family: ip.family }]
  if (addresses.length === 0) throw new Error(`${host} has no address`)
  return addresses
}

/**
 * The target is refused by its addresses as well as by its name. Its name is looked up only for a receiver at the same
 * port: nobody else can be it, and a sleeping Mac's name takes seconds.
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

/** The system's resolver cannot be interrupted; it is left to itself. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const abort = (): void => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  work.then(resolve, reject)
  return promise.finally(() => signal.removeEventListener('abort', abort))
}

/** Connects to one of `addresses`: the name is not looked up again, it could mean something else by now. */
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

/** Over a socket of which the peer is known: TLS would greet it before anybody could look. */
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

/** Destroyed if it comes to nothing. */
async function opened<T extends Socket>(
  socket: T,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // Stays: an error between here and the first listener of whoever gets the socket would end the process.
  socket.on('error', reject)
  socket.once(event, resolve)
  socket.once('close', () => reject(new Error('closed')))
  try {
    await unlessAborted(promise, signal)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}
