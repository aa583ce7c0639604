// Owns which of a caller's headers reach the target: few, and named here. Authorization, Host, Origin, Cookie and whatever
// else he sends stay behind; the target refuses foreign origins, and it is not his to tell who calls.

import type { IncomingHttpHeaders } from 'node:http'

const PASSED = ['content-type', 'content-encoding', 'accept'] as const

export function forwardedHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const passed: Record<string, string> = {}
  for (const name of PASSED) {
    const value = headers[name]
    if (value !== undefined) passed[name] = value
  }
  return passed
}
