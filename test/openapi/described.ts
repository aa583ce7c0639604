// Check that an answer is in the OpenAPI document: its route, its status, and its error code.

import { openApiDocument } from '../../src/daemon/http/own/openapi/document.ts'
import { match, ROUTES } from '../../src/daemon/http/routes.ts'

export interface Answered {
  readonly method: string
  /** The requested path without its query. */
  readonly path: string
  readonly status: number
  /** `X-Foreman-Error`. */
  readonly code: string | null
}

interface DescribedResponse {
  readonly $ref?: string
  readonly headers?: Readonly<Record<string, { readonly schema?: { readonly enum?: readonly string[] } }>>
}

const document = openApiDocument(ROUTES)

/** Returns a line if the document lacks the answer. It skips paths and methods without a route: the router answers those. */
export function undescribed({ method, path, status, code }: Answered): string[] {
  const found = match(method, path)
  if (found.kind !== 'route') return []
  const route = found.route.path
  const line = `${method} ${route}: ${status} ${code ?? 'without X-Foreman-Error'}`
  const operation = document.paths[route]?.[method.toLowerCase()]
  if (operation === undefined) return [line]
  const responses = operation.responses as Readonly<Record<string, DescribedResponse>>
  const response = resolved(responses[status])
  if (code === null) return response === undefined && responses['default'] === undefined ? [line] : []
  const codes = response?.headers?.['X-Foreman-Error']?.schema?.enum ?? []
  return codes.includes(code) ? [] : [line]
}

function resolved(response: DescribedResponse | undefined): DescribedResponse | undefined {
  const name = response?.$ref?.replace('#/components/responses/', '')
  return name === undefined ? response : (document.components.responses[name] as DescribedResponse | undefined)
}
