// Settings of the commands that talk to a running daemon: its URL and its token.

import { layersOf, type Problem, readSetting } from './load.ts'
import { CALLER_URL, SETTINGS } from './options.ts'
import type { SettingSources } from './sources.ts'

export type CallerSettings =
  | { readonly kind: 'loaded'; readonly url: string; readonly token: string | null }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

export function loadCaller(
  sources: Omit<SettingSources, 'machine'>,
  defaultUrl: string = CALLER_URL.default,
): CallerSettings {
  const problems: Problem[] = []
  // Problems in other lines of the .env concern only the daemon.
  const layers = layersOf(sources, [])
  const { value: url } = readSetting({ ...CALLER_URL, default: defaultUrl }, layers, problems)
  const { value: token } = readSetting(SETTINGS.token, layers, problems)
  if (url === undefined || token === undefined) return { kind: 'refused', problems }
  return { kind: 'loaded', url, token }
}

/** Returns the URL of a daemon on this machine that uses these settings: a container sets only the daemon's address. */
export function ownUrl(sources: Omit<SettingSources, 'machine'>): string {
  const { value: addr } = readSetting(SETTINGS.addr, layersOf(sources, []), [])
  // The daemon does not start with an invalid address, and a port of 0 says nothing about the port in use.
  if (addr === undefined || addr.port === 0) return CALLER_URL.default
  const { host, port } = addr
  if (host === '' || host === '0.0.0.0') return `http://127.0.0.1:${port}`
  if (host === '::') return `http://[::1]:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
