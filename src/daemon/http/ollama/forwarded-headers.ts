// Owns which of a caller's headers reach the target: few, and named here. Authorization, Host, Origin, Cookie and whatever
// else he sends stay behind; the target refuses foreign origins, and it is not his to tell who calls.

import type { IncomingHttpHeaders } from 'node:http'
import { HOP_HEADER } from '../../domain/hop.ts'

const PASSED = ['content-type', 'content-encoding', 'accept'] as const
/** More foremen than this behind each other are a loop of them. */
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
