// Settings of the commands that talk to a running daemon: its URL and its token.

import { httpUrl, listenAddress, withoutCredentials } from '../text/address.ts'
import { dotenvOf, MASK, type Problem, type SettingSources, writtenFor } from './load.ts'
import { CALLER_URL, SETTINGS } from './options.ts'

export const DEFAULT_CALLER_URL = 'http://127.0.0.1:8080'

export type CallerSettings =
  | { readonly kind: 'loaded'; readonly url: string; readonly token: string | null }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

export function loadCaller(sources: Omit<SettingSources, 'machine'>, defaultUrl = DEFAULT_CALLER_URL): CallerSettings {
  const problems: Problem[] = []
  // Problems in other lines of the .env concern only the daemon.
  const { values } = dotenvOf(sources, [])
  const url = writtenFor({ name: CALLER_URL, parser: httpUrl }, sources, values, problems)
  const secret = writtenFor(SETTINGS.token, sources, values, problems)
  if (url === 'refused' || secret === 'refused') return { kind: 'refused', problems }

  const address = url?.text ?? defaultUrl
  const parsedUrl = httpUrl.parse(address)
  if (parsedUrl.kind === 'refused') {
    const from = url?.origin === 'flag' ? ' (--url)' : url?.origin === '.env' ? ' (.env)' : ''
    const text = `${CALLER_URL}=${withoutCredentials(address)}${from} ${parsedUrl.why}; allowed: ${httpUrl.allowed}`
    problems.push({ name: CALLER_URL, text })
  }
  const parsedToken = secret === null ? null : SETTINGS.token.parser.parse(secret.text)
  if (parsedToken?.kind === 'refused') {
    problems.push({ name: SETTINGS.token.name, text: `${SETTINGS.token.name}=${MASK} ${parsedToken.why}` })
  }
  if (parsedUrl.kind === 'refused' || parsedToken?.kind === 'refused') return { kind: 'refused', problems }
  return { kind: 'loaded', url: parsedUrl.value, token: parsedToken?.value ?? null }
}

/** Returns the URL of a daemon on this machine that uses these settings: a container sets only the daemon's address. */
export function ownUrl(sources: Omit<SettingSources, 'machine'>): string {
  const { values } = dotenvOf(sources, [])
  const addr = writtenFor(SETTINGS.addr, sources, values, [])
  const parsed = addr === null || addr === 'refused' ? null : listenAddress.parse(addr.text)
  // The daemon does not start with an invalid address, and a port of 0 says nothing about the port in use.
  if (parsed?.kind !== 'value' || parsed.value.port === 0) return DEFAULT_CALLER_URL
  const { host, port } = parsed.value
  if (host === '' || host === '0.0.0.0') return `http://127.0.0.1:${port}`
  if (host === '::') return `http://[::1]:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}
