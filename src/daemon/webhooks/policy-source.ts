// Source of the current address policy: the settings, and the names and addresses of this machine and the target. It
// reads the interfaces of this machine and resolves no name; names are resolved when a webhook is sent.

import { isIP } from 'node:net'
import { hostname } from 'node:os'
import type { Config } from '../config/options.ts'
import { interfaceAddresses, unreadableAddresses } from '../config/sources.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Log } from '../runtime/log.ts'
import { isLoopbackHost } from '../text/ip-address.ts'
import { type AddressPolicy, createAddressPolicy, type Server, type ThisMachine } from './address-policy.ts'

/** A laptop changes networks. A check costs 0.1 ms, which is too much for each of a thousand submits per second. */
const FRESH_MS = 5_000

export interface PolicySourceParts {
  readonly config: Pick<Config, 'addr' | 'ollamaUrl' | 'publicUrl' | 'webhookAllow' | 'webhookDeny'>
  readonly clock: Clock
  /** The port that was bound; 0 before that. */
  readonly port: () => number
  readonly log: Log
  /** Default: the system's. */
  readonly interfaces?: Parameters<typeof interfaceAddresses>[0]
}

/** Returns a function that returns the current policy. */
export function createPolicySource(parts: PolicySourceParts): () => AddressPolicy {
  const { config, clock, port, log, interfaces } = parts
  const target = targetServer(new URL(config.ollamaUrl))
  let isReadable = true
  let last: { readonly policy: AddressPolicy; readonly at: number; readonly port: number } | null = null

  /** Logs once that the addresses cannot be read, and once that they can be read again. */
  function thisMachine(): ThisMachine {
    const names = [hostname().toLowerCase()]
    const addresses = interfaceAddresses(interfaces)
    const wasReadable = isReadable
    isReadable = !('unreadable' in addresses)
    if ('unreadable' in addresses) {
      if (wasReadable)
        log.error(
          `${unreadableAddresses(addresses)}; webhooks to the ports of foreman and its target wait until they can be read`,
        )
      return { names, addresses: null }
    }
    if (!wasReadable) log.info('the network addresses of this machine can be read again')
    return { names, addresses }
  }

  return () => {
    const now = clock.monotonic()
    if (last === null || now - last.at >= FRESH_MS || last.port !== port()) {
      const machine = thisMachine()
      const policy = createAddressPolicy(config, ownServer(config.addr.host, port(), machine), target, machine)
      last = { policy, at: now, port: port() }
    }
    return last.policy
  }
}

/** A server bound to a name could have any address of this machine, so all of them count. */
function ownServer(host: string, port: number, machine: ThisMachine): Server {
  const isOne = isIP(host) !== 0 && host !== '0.0.0.0' && host !== '::'
  if (isOne) {
    return { names: isLoopbackHost(host) ? ['localhost'] : [], addresses: [host], port, listensEverywhere: false }
  }
  return { names: [...machine.names, host.toLowerCase()], addresses: ['0.0.0.0'], port, listensEverywhere: true }
}

/** A target that is configured by one address of this machine may listen on all of them (OLLAMA_HOST=0.0.0.0). */
function targetServer({ hostname: host, port, protocol }: URL): Server {
  const bare = host.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
  const defaultPort = protocol === 'https:' ? 443 : 80
  return { names: [bare], addresses: [bare], port: port === '' ? defaultPort : Number(port), listensEverywhere: true }
}
