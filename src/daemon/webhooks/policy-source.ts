// Owns the address policy of this moment: the settings, and what this machine and the target are called now. It looks at
// the machine's own interfaces and asks nobody else; names are resolved when something is sent.

import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { type AddressPolicy, createAddressPolicy, type Server } from '../address-policy.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/conflict.ts'

/** A laptop changes networks; a look costs 0.1 ms, too much for each of a thousand submits a second. */
const FRESH_MS = 5_000

export interface PolicySourceParts {
  readonly config: Pick<Config, 'addr' | 'ollamaUrl' | 'publicUrl' | 'webhookAllow' | 'webhookDeny'>
  readonly clock: Clock
  /** The port that was bound; 0 before. */
  readonly port: () => number
}

/** Gives the policy that holds now. */
export function createPolicySource({ config, clock, port }: PolicySourceParts): () => AddressPolicy {
  const target = serverOf(new URL(config.ollamaUrl))
  let last: { readonly policy: AddressPolicy; readonly at: number; readonly port: number } | null = null
  return () => {
    const now = clock.monotonic()
    if (last === null || now - last.at >= FRESH_MS || last.port !== port()) {
      const policy = createAddressPolicy(config, ownServer(config.addr.host, port()), target)
      last = { policy, at: now, port: port() }
    }
    return last.policy
  }
}

/** Bound to a name, it could be any of this machine's addresses: all of them count. */
function ownServer(host: string, port: number): Server {
  const isOne = isIP(host) !== 0 && host !== '0.0.0.0' && host !== '::'
  if (isOne) return { names: isLoopback(host) ? ['localhost'] : [], addresses: [host], port }
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const names = ['localhost', hostname().toLowerCase(), host.toLowerCase()]
  return { names, addresses: ['0.0.0.0', ...interfaces.map(({ address }) => address)], port }
}

function serverOf({ hostname: host, port, protocol }: URL): Server {
  const bare = host.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  return { names: [bare], addresses: [bare], port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
}
