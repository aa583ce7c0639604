// Addresses of this machine's network interfaces. Only this file asks the system for them, because that may fail.

import { networkInterfaces } from 'node:os'

export type Interfaces = typeof networkInterfaces

/** Why the addresses could not be read, in the system's words. */
export interface Unreadable {
  readonly unreadable: string
}

/**
 * Linux returns them over a netlink socket, which a sandbox may forbid (systemd's RestrictAddressFamilies, seccomp).
 */
export function interfaceAddresses(interfaces: Interfaces = networkInterfaces): readonly string[] | Unreadable {
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
