// Host check against DNS rebinding: the names under which this server may be called. Pure. If evil.example is made to resolve
// to this machine, its page sends that name as Host. Ollama's CVE-2024-28224 was the lack of this check.

import { isIP } from 'node:net'
import type { Config } from '../../config/options.ts'
import { isLoopbackHost } from '../../text/ip-address.ts'

export interface HostRule {
  /** Whether the server listens on loopback only: then only loopback names and those in the settings are allowed. */
  readonly loopbackOnly: boolean
  /** In lower case: FOREMAN_HOSTS, the host of FOREMAN_PUBLIC_URL and, unless `loopbackOnly`, this machine's name. */
  readonly names: ReadonlySet<string>
}

interface HostSettings extends Pick<Config, 'hosts' | 'publicUrl'> {
  readonly addr: Pick<Config['addr'], 'host'>
}

export function hostRule({ addr, hosts, publicUrl }: HostSettings, machine: string): HostRule {
  const loopbackOnly = isLoopbackHost(addr.host)
  const names = new Set(hosts.map((name) => name.toLowerCase()))
  const ofUrl = publicUrl === null ? null : hostName(new URL(publicUrl).host)
  if (ofUrl !== null) names.add(ofUrl)
  if (!loopbackOnly) names.add(machine.toLowerCase())
  return { loopbackOnly, names }
}

/** Names that only a local resolver answers: an outsider cannot make them point here. */
const LOCAL_SUFFIXES = ['.local', '.lan', '.home.arpa', '.internal', '.ts.net']

const HOST = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::\d{0,5})?$/

/** The name in a Host header, in lower case, without port, brackets and final dot; IPv6 as in URLs. Returns null if malformed. */
export function hostName(header: string): string | null {
  const [, v6, name] = HOST.exec(header.toLowerCase()) ?? []
  if (v6 !== undefined) return isIP(v6) === 6 ? new URL(`http://[${v6}]`).hostname.slice(1, -1) : null
  if (name === undefined) return null
  const bare = name.endsWith('.') ? name.slice(0, -1) : name
  return bare === '' ? null : bare
}

export function isHostAllowed(name: string, { loopbackOnly, names }: HostRule): boolean {
  if (isLoopbackHost(name) || names.has(name)) return true
  if (loopbackOnly) return isUnspecified(name)
  if (isIP(name) !== 0 || !name.includes('.')) return true
  return LOCAL_SUFFIXES.some((suffix) => name.endsWith(suffix))
}

/** The ollama command line sends `0.0.0.0` to a server on its own machine, if OLLAMA_HOST says so. */
const isUnspecified = (name: string): boolean => name === '0.0.0.0' || name === '::'
