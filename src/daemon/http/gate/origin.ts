// Origin check for browsers: which origins are allowed, and the CORS headers of an answer. Pure. The rules are Ollama's
// (envconfig.AllowedOrigins of 0.17.4, gin-contrib/cors 1.7.2), with FOREMAN_ORIGINS in place of OLLAMA_ORIGINS.

import type { IncomingHttpHeaders } from 'node:http'
import { hostName } from './host.ts'

/** http(s) on localhost, 127.0.0.1 and 0.0.0.0 on any port, and the schemes of desktop programs. */
const OLLAMAS_OWN =
  /^(https?:\/\/(localhost|127\.0\.0\.1|0\.0\.0\.0)(:\d{1,5})?$|(app|file|tauri|vscode-webview|vscode-file):\/\/)/
const EXTENSIONS = /^(chrome|moz|safari|safari-web|ms-browser)-extension:\/\//

export interface OriginRule {
  readonly any: boolean
  readonly patterns: readonly RegExp[]
}

/** FOREMAN_ORIGINS: origins with `*` for any run of characters, `*` alone, or the word `extensions`. */
export function originRule(origins: readonly string[]): OriginRule {
  return { any: origins.includes('*'), patterns: [OLLAMAS_OWN, ...origins.map(patternOf)] }
}

function patternOf(origin: string): RegExp {
  if (origin === 'extensions') return EXTENSIONS
  const parts = origin
    .toLowerCase()
    .split('*')
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`)
}

type OriginVerdict =
  /** Not a browser, or a page of the same site whose browser does not say so: no CORS headers are needed. */
  | { readonly kind: 'none' }
  | { readonly kind: 'allowed'; readonly allow: string }
  | { readonly kind: 'refused'; readonly origin: string }

type OriginHeaders = Pick<IncomingHttpHeaders, 'origin' | 'host' | 'sec-fetch-site'>

/** Whether the page that sent the request is allowed to. Host has passed its own check by now. */
export function judgeOrigin({ origin, host, 'sec-fetch-site': site }: OriginHeaders, rule: OriginRule): OriginVerdict {
  if (origin === undefined || origin === '') {
    // Browsers omit Origin in cross-site GETs without CORS. Such an answer must not be rendered either.
    return site === 'cross-site' && !rule.any ? { kind: 'refused', origin: 'of another site' } : { kind: 'none' }
  }
  if (rule.any) return { kind: 'allowed', allow: '*' }
  if (isAllowed(origin.toLowerCase(), rule) || isSameHost(origin, host)) return { kind: 'allowed', allow: origin }
  return { kind: 'refused', origin: printable(origin) }
}

const isAllowed = (origin: string, { patterns }: OriginRule): boolean =>
  patterns.some((pattern) => pattern.test(origin))

/** Page Assist rewrites its Origin to `http://<host>` without the port. Safe only after the Host check: rebinding makes the two equal. */
function isSameHost(origin: string, host: string | undefined): boolean {
  const name = /^https?:\/\/(.+)$/i.exec(origin)?.[1]
  if (name === undefined || host === undefined) return false
  const called = hostName(host)
  return called !== null && hostName(name) === called
}

const printable = (origin: string): string => (/^[\x21-\x7e]{1,200}$/.test(origin) ? origin : 'null')

const EXPOSED =
  'X-Foreman-Job-Id,X-Foreman-Error,X-Foreman-Target,X-Foreman-Attempt,Retry-After,Location,Age,' +
  'Idempotent-Replayed,Preference-Applied,ETag,Accept-Ranges,Content-Range'

/** What the answer to an allowed page carries. */
export function corsHeaders({ allow }: { readonly allow: string }): Record<string, string> {
  const headers = { 'Access-Control-Allow-Origin': allow, 'Access-Control-Expose-Headers': EXPOSED }
  return allow === '*' ? headers : { ...headers, Vary: 'Origin' }
}

const METHODS = 'GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS'
/** What Ollama allows when nothing is asked for; else what is asked for is echoed: people use it behind their own headers (ollama #669). */
const USUAL_HEADERS =
  'Authorization,Content-Type,User-Agent,Accept,X-Requested-With,OpenAI-Beta,X-Api-Key,Idempotency-Key'

/** What the answer to an allowed page's preflight carries. */
export function preflightHeaders(
  verdict: { readonly allow: string },
  request: IncomingHttpHeaders,
): Record<string, string> {
  const asked = request['access-control-request-headers']
  const isNames = typeof asked === 'string' && /^[\w!#$%&'*+.^`|~-]+(\s*,\s*[\w!#$%&'*+.^`|~-]+)*$/.test(asked)
  return {
    'Access-Control-Allow-Origin': verdict.allow,
    'Access-Control-Allow-Methods': METHODS,
    'Access-Control-Allow-Headers': isNames ? asked : USUAL_HEADERS,
    'Access-Control-Max-Age': '43200',
    Vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
  }
}
