// Conflicts between settings that are valid on their own, and warnings about dangerous ones. Pure: the name and
// addresses of the machine are arguments.

import { isIP } from 'node:net'
import { isLoopbackHost } from '../text/ip-address.ts'
import type { Config } from './options.ts'

/** Name and addresses of this machine. */
export interface Machine {
  readonly hostname: string
  readonly addresses: readonly string[]
}

export interface Conflict {
  readonly name: string
  readonly why: string
}

/**
 * Combinations with which foreman must not start, such as foreman as its own target: it would send every request to
 * itself again.
 */
export function conflictsIn(config: Config, machine: Machine): Conflict[] {
  const conflicts: Conflict[] = []
  if (listensAt(new URL(config.ollamaUrl), config.addr, machine)) {
    conflicts.push({
      name: 'FOREMAN_OLLAMA_URL',
      why: 'is the address that foreman itself would listen on (FOREMAN_ADDR)',
    })
  } else if (config.publicUrl !== null && config.publicUrl === config.ollamaUrl) {
    conflicts.push({ name: 'FOREMAN_OLLAMA_URL', why: 'is the address of foreman itself (FOREMAN_PUBLIC_URL)' })
  }
  if (config.ollamaToken !== null && config.ollamaBasic !== null) {
    conflicts.push({
      name: 'FOREMAN_OLLAMA_BASIC',
      why: 'is set together with FOREMAN_OLLAMA_TOKEN, but a request carries only one of them: unset one',
    })
  }
  return conflicts
}

/** Settings that are allowed but deserve a warning. */
export function cautionsIn(config: Config): string[] {
  const cautions: string[] = []
  if (config.token === null && !isLoopbackHost(config.addr.host)) {
    const { host, port } = config.addr
    cautions.push(
      `FOREMAN_ADDR=${host.includes(':') ? `[${host}]` : host}:${port} is open to the network and FOREMAN_TOKEN is not set: anyone who can reach this address can use it`,
    )
  }
  const target = new URL(config.ollamaUrl)
  if (target.protocol === 'http:' && target.port === '' && target.pathname === '/') {
    cautions.push(`FOREMAN_OLLAMA_URL=${config.ollamaUrl} has no port, so 80 is used; Ollama usually listens on 11434`)
  }
  if (config.origins.includes('*')) cautions.push('FOREMAN_ORIGINS contains *: every web page may use this foreman')
  for (const rule of config.webhookAllow.filter((entry) => entry.endsWith('/0'))) {
    cautions.push(`FOREMAN_WEBHOOK_ALLOW contains ${rule}: webhooks may go anywhere, including cloud metadata services`)
  }
  return cautions
}

const isEvery = (host: string): boolean => host === '' || host === '0.0.0.0' || host === '::'

function listensAt(url: URL, addr: Config['addr'], machine: Machine): boolean {
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  if (addr.port === 0 || port !== addr.port) return false
  const there = canonical(url.hostname)
  const here = canonical(addr.host)
  if (there === here) return true
  const isOwn =
    isLoopbackHost(there) ||
    isEvery(there) ||
    [machine.hostname, ...machine.addresses].some((own) => canonical(own) === there)
  if (isEvery(here)) return isOwn
  // A name may stand for several addresses: `localhost` for both loopback addresses, the machine's name for all of its
  // own.
  if (isIP(there) !== 0 && isIP(here) !== 0) return isEvery(there) && isLoopbackHost(here)
  return isLoopbackHost(there)
    ? isLoopbackHost(here)
    : isOwn && machine.addresses.some((own) => canonical(own) === here)
}

/** Spells a host as the URL parser does: IPv6 in its shortest form without brackets, names in lower case. */
function canonical(host: string): string {
  const literal = isIP(host) === 6 ? `[${host.replace(/%.*$/, '')}]` : host
  return URL.canParse(`http://${literal}`)
    ? new URL(`http://${literal}`).hostname.replace(/^\[|\]$/g, '')
    : host.toLowerCase()
}
