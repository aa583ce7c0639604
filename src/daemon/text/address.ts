// Grammars of URLs, listen addresses, host names and address ranges, for settings. They resolve no names.

import { isIP } from 'node:net'
import { type Parser, refused, value } from './grammar.ts'

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?$/i

/** Returns whether it is a name. `127.1` and `300.1.1.1` are not, because old libraries would read them as addresses. */
const isHostName = (text: string): boolean => HOST_NAME.test(text) && !/(^|\.)\d+\.?$/.test(text)

/** Returns a refused URL that may be shown: credentials and query may hold a secret. */
export const withoutCredentials = (text: string): string =>
  text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@').replace(/\?.*$/s, '?***')

/** An http(s) URL as a base: origin and path prefix, without a trailing slash. */
export const httpUrl: Parser<string> = {
  noun: 'url',
  allowed: 'an http or https URL without credentials, query or fragment, such as http://mac.local:11434',
  parse(text) {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase()
    if (scheme === undefined) {
      const suggestion = `http://${text.replace(/^\/+/, '')}`
      const isHelpful = URL.canParse(suggestion) && !text.includes('@')
      return refused(isHelpful ? `has no scheme (did you mean ${suggestion}?)` : 'has no scheme')
    }
    if (scheme !== 'http' && scheme !== 'https') return refused(`has the scheme ${scheme}`)
    // The URL parser silently drops tabs and line breaks.
    if (/[\s\p{Cc}]/u.test(text)) return refused('holds a space or a control character')
    if (!URL.canParse(text)) return refused('is not a URL')
    const url = new URL(text)
    if (url.username !== '' || url.password !== '')
      return refused('holds credentials (a token has a setting of its own)')
    if (text.includes('?')) return refused('has a query')
    if (text.includes('#')) return refused('has a fragment')
    if (url.port === '0') return refused('has port 0')
    return value(`${url.origin}${url.pathname.replace(/\/+$/, '')}`)
  },
}

/** The target's URL: as `httpUrl`, but a refusal of credentials names the settings for them. */
export const targetUrl: Parser<string> = {
  ...httpUrl,
  parse(text) {
    const parsed = httpUrl.parse(text)
    if (parsed.kind === 'value' || !parsed.why.startsWith('holds credentials')) return parsed
    return refused('holds credentials: set FOREMAN_OLLAMA_BASIC to `user:password`, or FOREMAN_OLLAMA_TOKEN to a token')
  },
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** `host:port`, `[v6]:port`, or `:port` for every interface; port 0 lets the system choose. */
export const listenAddress: Parser<ListenAddress> = {
  noun: 'address',
  allowed: '`host:port`, `[::1]:port`, or `:port` for every interface',
  parse(text) {
    const [, v6, name, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text) ?? []
    if (digits === undefined) return refused(whyNoAddress(text))
    if (Number(digits) > 65_535) return refused('has a port above 65535')
    const port = Number(digits)
    if (v6 !== undefined)
      return isIP(v6) === 6 ? value({ host: v6, port }) : refused('has something else than IPv6 in brackets')
    const host = name ?? ''
    if (host === '*') return refused(`has a * (did you mean :${port}?)`)
    return host === '' || isIP(host) === 4 || isHostName(host) ? value({ host, port }) : refused('has no valid host')
  },
}

function whyNoAddress(text: string): string {
  if (/^[a-z]+:\/\//i.test(text)) return 'is a URL: only host and port are wanted'
  if (/^\d+$/.test(text)) return `has no colon (did you mean :${text}?)`
  if (isIP(text) === 6) return `has no port (did you mean [${text}]:8080?)`
  const bare = /^(.*):(\d+)$/.exec(text)
  if (bare !== null && isIP(bare[1] ?? '') === 6) return `needs brackets (did you mean [${bare[1]}]:${bare[2]}?)`
  return /:/.test(text) ? 'has no valid port' : `has no port (did you mean ${text}:8080?)`
}

/** A host name or an address for the Host check: no port, no wildcard. An address as a URL would spell it. */
export const hostName: Parser<string> = {
  noun: 'name',
  allowed: 'a host name or an address, without port, such as `gpu.example.org`',
  parse(text) {
    if (/^[a-z]+:\/\//i.test(text)) return refused('is a URL: only the host name is wanted')
    if (isIP(text) === 4) return value(text)
    const v6 = `http://[${/^\[(.*)\]$/.exec(text)?.[1] ?? text}]`
    if (URL.canParse(v6)) return value(new URL(v6).hostname.slice(1, -1))
    if (/:\d+$/.test(text)) return refused('has a port: the name alone is wanted')
    return isHostName(text) ? value(text.toLowerCase().replace(/\.$/, '')) : refused('is not a host name')
  },
}

/** A browser origin, `*` standing for any run of characters as in OLLAMA_ORIGINS, or the word `extensions`. */
export const browserOrigin: Parser<string> = {
  noun: 'origin',
  allowed: '`extensions`, `*`, or an origin without path such as `https://app.example.org` or `http://*.lan:*`',
  parse(text) {
    if (text === 'extensions' || text === '*') return value(text)
    const origin = text.toLowerCase()
    if (!/^[a-z][a-z0-9+.-]*:\/\//.test(origin)) return refused('has no scheme')
    if (/^https?:\/\/[^/]+\/$/.test(origin))
      return refused(`has a slash at its end (did you mean ${origin.slice(0, -1)}?)`)
    const isOrigin = /^[a-z][a-z0-9+.-]*:\/\/([a-z0-9*._-]+|\[[0-9a-f:.]+\])?(:(\d{1,5}|\*))?$/.test(origin)
    return isOrigin ? value(origin) : refused('is not an origin')
  },
}

/** One entry of _ALLOW or _DENY: an address, a range of them, or a host name. */
export const addressRule: Parser<string> = {
  noun: 'range',
  allowed: 'an address, a CIDR range such as `10.0.0.0/8` or `fd00::/8`, or a host name',
  parse(text) {
    const rule = text.toLowerCase()
    const [, address, bits] = /^([^/]+)\/(\d{1,3})$/.exec(rule) ?? []
    if (address !== undefined && bits !== undefined) {
      const family = isIP(address)
      if (family === 0) return refused('has no address before the slash')
      return Number(bits) > (family === 4 ? 32 : 128) ? refused('has a prefix that is too long') : value(rule)
    }
    if (isIP(rule) !== 0) return value(rule)
    return isHostName(rule)
      ? value(rule.replace(/\.$/, ''))
      : refused('is neither an address, nor a range, nor a host name')
  },
}

/** _ALLOW may also hold the word `only`: nothing else is allowed then. */
export const allowRule: Parser<string> = {
  noun: 'range',
  allowed: `\`only\`, or ${addressRule.allowed}`,
  parse: (text) => (text.toLowerCase() === 'only' ? value('only') : addressRule.parse(text)),
}
