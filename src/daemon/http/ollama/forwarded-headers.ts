// The few headers of a caller that are passed on to the target. All others stay behind, such as Authorization, Host, Origin
// and Cookie: the target refuses foreign origins, and foreman alone authenticates callers.

import type { IncomingHttpHeaders } from 'node:http'
import { HOP_HEADER } from '../../domain/hop.ts'

const PASSED = ['content-type', 'content-encoding', 'accept'] as const
/** A longer list of foremen that a request came through is a loop. */
const MAX_HOPS_LENGTH = 1024

export function forwardedHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const passed: Record<string, string> = {}
  for (const name of PASSED) {
    const value = headers[name]
    if (value !== undefined) passed[name] = value
  }
  const hops = headers[HOP_HEADER]
  if (typeof hops === 'string' && hops.length <= MAX_HOPS_LENGTH) passed[HOP_HEADER] = hops
  return passed
}
