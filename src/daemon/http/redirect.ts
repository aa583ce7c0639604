// Redirects of paths that are almost on the table, as Ollama answers them (0.17.4 and 0.34.4): net/http's mux tidies a path
// with empty or dotted segments, gin takes one slash from its end. Pure. The caller's path is never used for anything else.

import { match } from './routes.ts'

export interface Redirect {
  readonly status: 301 | 307
  readonly location: string
}

/** Where `path` (raw, without query) is sent on to; null if nowhere. */
export function redirectOf(method: string, path: string, query: string): Redirect | null {
  const tidy = tidied(path)
  if (tidy !== path) return { status: 307, location: tidy + query }
  if (path === '/' || !path.endsWith('/')) return null
  const bare = path.slice(0, -1)
  if (match(method, bare).kind !== 'route') return null
  return { status: method === 'GET' ? 301 : 307, location: bare + query }
}

/** Go's path.Clean, with the slash at the end left in place. It begins with exactly one slash: `//host` is another server. */
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
