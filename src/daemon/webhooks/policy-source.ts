// Builds the address policy of this moment: the settings, and the names and addresses of this machine and the target. It
// reads the machine's own interfaces and resolves no name; names are resolved when something is sent.

import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { type AddressPolicy, createAddressPolicy, type Server, type ThisMachine } from '../address-policy.ts'
import type { Clock } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { isLoopbackHost } from '../ip-address.ts'

/** A laptop changes networks; a look costs 0.1 ms, too much for each of a thousand submits a second. */
const FRESH_MS = 5_000

export interface PolicySourceParts {
  readonly config: Pick<Config, 'addr' | 'ollamaUrl' | 'publicUrl' | 'webhookAllow' | 'webhookDeny'>
  readonly clock: Clock
  /** The port that was bound; 0 before. */
  readonly port: () => number
  /** Default: the system's. It throws where a sandbox forbids it. */
  readonly interfaces?: typeof networkInterfaces
}

/** Returns the policy that holds now. */
export function createPolicySource(parts: PolicySourceParts): () => AddressPolicy {
  const { config, clock, port, interfaces = networkInterfaces } = parts
  const target = targetServer(new URL(config.ollamaUrl))
  let last: { readonly policy: AddressPolicy; readonly at: number; readonly port: number } | null = null
  return () => {
    const now = clock.monotonic()
    if (last === null || now - last.at >= FRESH_MS || last.port !== port()) {
      const machine = thisMachine(interfaces)
      const policy = createAddressPolicy(config, ownServer(config.addr.host, port(), machine), target, machine)
      last = { policy, at: now, port: port() }
    }
    return last.policy
  }
}

function thisMachine(interfaces: typeof networkInterfaces): ThisMachine {
  const names = [hostname().toLowerCase()]
  try {
    const addresses = Object.values(interfaces()).flatMap((all) => (all ?? []).map(({ address }) => address))
    return { names, addresses }
  } catch {
    return { names, addresses: null }
  }
}

/** Bound to a name, it could be any of this machine's addresses: all of them count. */
function ownServer(host: string, port: number, machine: ThisMachine): Server {
  const isOne = isIP(host) !== 0 && host !== '0.0.0.0' && host !== '::'
  if (isOne) {
    return { names: isLoopbackHost(host) ? ['localhost'] : [], addresses: [host], port, listensEverywhere: false }
  }
  return { names: [...machine.names, host.toLowerCase()], addresses: ['0.0.0.0'], port, listensEverywhere: true }
}

/** A target that is called by one address of this machine may listen on all of them (OLLAMA_HOST=0.0.0.0). */
function targetServer({ hostname: host, port, protocol }: URL): Server {
  const bare = host.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  const defaultPort = protocol === 'https:' ? 443 : 80
  return { names: [bare], addresses: [bare], port: port === '' ? defaultPort : Number(port), listensEverywhere: true }
}
