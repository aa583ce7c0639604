// Sources of the settings: the only file that reads the real environment, the real `.env` and the addresses of the machine.

import { readFileSync } from 'node:fs'
import { hostname, networkInterfaces } from 'node:os'
import { fileErrorText } from '../text/system-error.ts'
import type { Machine } from './conflict.ts'

export interface SettingSources {
  /** By variable name; only those that were given. */
  readonly flags: Readonly<Record<string, string | undefined>>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Its text; null if the file does not exist; or the reason why it could not be read. */
  readonly dotenv: string | null | Unreadable
  /** Reads `_FILE`s. Throws as node:fs does. */
  readonly readFile: (path: string) => string
  readonly machine: Omit<Machine, 'addresses'> & { readonly addresses: Machine['addresses'] | Unreadable }
}

/** Why something could not be read. */
export interface Unreadable {
  readonly unreadable: string
}

/** Returns the sources of this process; `flags` by variable name. */
export const processSources = (flags: SettingSources['flags']): SettingSources => ({
  flags,
  env: process.env,
  dotenv: dotenvText(),
  readFile: (path) => readFileSync(path, 'utf8'),
  machine: { hostname: hostname(), addresses: interfaceAddresses() },
})

function dotenvText(): SettingSources['dotenv'] {
  try {
    return readFileSync('.env', 'utf8')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? null : { unreadable: fileErrorText(error) }
  }
}

/**
 * Addresses of this machine's network interfaces. Linux returns them over a netlink socket, which a sandbox may forbid
 * (systemd's RestrictAddressFamilies, seccomp).
 */
export function interfaceAddresses(interfaces = networkInterfaces): Machine['addresses'] | Unreadable {
  try {
    return Object.values(interfaces()).flatMap((all) => (all ?? []).map(({ address }) => address))
  } catch (error) {
    return { unreadable: error instanceof Error ? error.message : String(error) }
  }
}

/** The sentence for a log or a terminal. */
export const unreadableAddresses = ({ unreadable }: Unreadable): string =>
  `the network addresses of this machine cannot be read (${unreadable}), and without them foreman cannot keep requests and webhooks from itself and its target: ` +
  'allow AF_NETLINK sockets (in a systemd unit: RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK)'
