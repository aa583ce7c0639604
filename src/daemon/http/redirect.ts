// Redirects of paths that are almost in the table, as Ollama sends them (0.17.4 and 0.34.4): net/http's mux cleans a path with
// empty or dotted segments, and gin removes one slash from its end. The cleaned path is used for nothing else.

import type { ServerResponse } from 'node:http'
import { reasonPhrase } from './error-body.ts'
import { hasBody } from './respond.ts'
import { match } from './routes.ts'

interface Redirect {
  readonly status: 301 | 307
  readonly location: string
}

/** Returns the redirect of `path` (raw, without query), or null if it has none. */
export function redirectOf(method: string, path: string, query: string): Redirect | null {
  const tidy = tidied(path)
  if (tidy !== path) return { status: 307, location: tidy + query }
  if (path === '/' || !path.endsWith('/')) return null
  const bare = path.slice(0, -1)
  if (match(method, bare).kind !== 'route') return null
  return { status: method === 'GET' ? 301 : 307, location: bare + query }
}

/** Go's path.Clean, with the final slash kept. The result begins with exactly one slash: `//host` would be another server. */
function tidied(path: string): string {
  const kept: string[] = []
  const segments = path.split('/')
  for (const segment of segments) {
    if (segment === '..') kept.pop()
    else if (segment !== '' && segment !== '.') kept.push(segment)
  }
  const isFolder = kept.length > 0 && path.endsWith('/')
  return `/${kept.join('/')}${isFolder ? '/' : ''}`
}

/** Redirects, with the small page that Go writes for a GET. */
export function sendRedirect(res: ServerResponse, { status, location }: Redirect): void {
  const shown = location
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&#34;')
  const isRead = res.req.method === 'GET' || res.req.method === 'HEAD'
  const page = isRead ? `<a href="${shown}">${reasonPhrase(status)}</a>.\n\n` : ''
  res.writeHead(status, reasonPhrase(status), {
    Location: location,
    ...(isRead ? { 'Content-Type': 'text/html; charset=utf-8' } : {}),
    'Content-Length': Buffer.byteLength(page),
    ...(res.req.complete || !hasBody(res.req) ? {} : { Connection: 'close' }),
  })
  res.end(page)
}
