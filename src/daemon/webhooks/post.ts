// One POST to a webhook receiver, from the lookup of its name to the status. Time and size are bounded, redirects are
// not followed, and connections are not reused. A receiver can only make a try fail. Its answer is discarded: it is
// neither shown nor logged.

import { lookup as systemLookup } from 'node:dns/promises'
import type { Socket } from 'node:net'
import { Client, type Dispatcher } from 'undici'
import { VERSION } from '../../protocol/version.ts'
import type { DeliveryOutcome } from '../domain/delivery.ts'
import type { Clock } from '../runtime/clock.ts'
import { type AddressPolicy, readReceiver } from './address-policy.ts'
import { DnsCache, type Lookup } from './dns-cache.ts'
import { connectPeer, type PeerParts, RefusedPeer } from './peer.ts'
import type { OutgoingWebhook, Webhooks } from './webhooks.ts'

/** Time from the lookup of the name to the end of the answer. */
export const TRY_MS = 15_000
/** Maximum size of the body of an answer; the same limit applies to its headers. */
export const MAX_ANSWER_BYTES = 16 * 1024

export interface WebhooksParts {
  readonly clock: Clock
  readonly policy: () => AddressPolicy
  /** Default: the system's. */
  readonly lookup?: Lookup
  /** Certificate authorities, PEM. Default: those of Node (NODE_EXTRA_CA_CERTS included). */
  readonly ca?: string
}

/**
 * Creates the sender; it connects to nothing yet. Proxies of the environment are not used: they would choose the peer.
 */
export function createWebhooks({ clock, policy, ca, lookup = lookupAll }: WebhooksParts): Webhooks {
  const peerParts: PeerParts = { names: new DnsCache(lookup, clock), ...(ca === undefined ? {} : { ca }) }
  return {
    async post(webhook, stop) {
      const receiver = readReceiver(webhook.url)
      if (typeof receiver === 'string') return { kind: 'refused_address', isLasting: true }
      const timeout = new AbortController()
      const timer = clock.after(TRY_MS, () => timeout.abort())
      const signal = AbortSignal.any([stop, timeout.signal])
      try {
        const socket = await connectPeer(receiver, policy(), peerParts, signal)
        const outcome = await exchange(socket, receiver.url, webhook, signal)
        // A received status counts, even if the rest of the answer never ended.
        if (outcome.kind === 'answered' || !signal.aborted) return outcome
      } catch (error) {
        if (error instanceof RefusedPeer) return { kind: 'refused_address', isLasting: error.isLasting }
        if (!signal.aborted) return { kind: 'unreachable' }
      } finally {
        timer.cancel()
      }
      return { kind: signal.reason === timeout.signal.reason ? 'timeout' : 'aborted' }
    },
  }
}

const lookupAll: Lookup = async (host) =>
  (await systemLookup(host, { all: true })).map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }))

/**
 * One request on its own socket, which is closed afterwards. A pool could reuse a connection whose address is not
 * allowed any more.
 */
async function exchange(
  socket: Socket,
  url: URL,
  webhook: OutgoingWebhook,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  const client = new Client(url.origin, {
    connect: (_options, done) => queueMicrotask(() => done(null, socket)),
    allowH2: false,
    pipelining: 1,
    // The time of the whole try is limited above.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: MAX_ANSWER_BYTES,
  })
  const { promise, resolve } = Promise.withResolvers<DeliveryOutcome>()
  const end = (): void => void client.destroy().catch(() => undefined)
  signal.addEventListener('abort', end, { once: true })
  try {
    client.dispatch(requestOf(url, webhook), receiverResponse(resolve))
    if (signal.aborted) end()
    return await promise
  } finally {
    signal.removeEventListener('abort', end)
    end()
    socket.destroy()
  }
}

function requestOf({ origin, pathname, search }: URL, { headers, body }: OutgoingWebhook): Dispatcher.DispatchOptions {
  return {
    origin,
    path: `${pathname}${search}`,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'user-agent': `foreman/${VERSION}`,
      ...headers,
    },
    body,
    // Sends `Connection: close`: the connection is not used again.
    reset: true,
  }
}

/**
 * Reads the status and discards the body. It waits for the end, because some receivers count an early close as a
 * failure.
 */
function receiverResponse(resolve: (outcome: DeliveryOutcome) => void): Dispatcher.DispatchHandler {
  let outcome: DeliveryOutcome = { kind: 'unreachable' }
  let bytes = 0
  return {
    onRequestStart() {},
    onResponseStart(_controller, status, headers) {
      if (status < 200) return
      const retryAfter = headers['retry-after']
      outcome = { kind: 'answered', status, retryAfter: typeof retryAfter === 'string' ? retryAfter : null }
    },
    onResponseData(controller, chunk) {
      bytes += chunk.length
      if (bytes > MAX_ANSWER_BYTES) controller.abort(new Error('the answer is too large'))
    },
    onResponseEnd: () => resolve(outcome),
    onResponseError: () => resolve(outcome),
  }
}
