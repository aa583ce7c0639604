// `GET /openapi.json`: the OpenAPI document of this daemon, with one operation for each row of the table of routes.

import { VERSION } from '../../../../protocol/version.ts'
import type { Call, Method, Route } from '../../call.ts'
import { JSON_TYPE, send } from '../../respond.ts'
import { DAEMON_OPERATIONS } from './daemon-operations.ts'
import { JOB_OPERATIONS } from './job-operations.ts'
import { JOB_SCHEMAS } from './job-schemas.ts'
import { ErrorResponses, type Operation, type Response, TAGS } from './operation.ts'
import { passedOperation } from './passed-operations.ts'
import type { Schema } from './schema.ts'
import { STATUS_SCHEMAS } from './status-schemas.ts'

const DESCRIPTION = `A durable queue in front of one Ollama server. Calls of Ollama's, OpenAI's and Anthropic's surfaces are passed
on unchanged; an answer without \`X-Foreman-Error\` is the target's. Objects may grow: ignore keys that you do not know. A
method that a path does not have is a 405 with \`Allow\`, and an unknown path is a 404: in plain text as Ollama writes them, and on
foreman's own paths JSON with a code.`

/** Paths that need no token, so that any program can check whether the daemon is alive. */
const OPEN = ['/', '/api/version', '/healthz', '/readyz']

export interface OpenApiDocument {
  readonly openapi: '3.1.0'
  readonly paths: Readonly<Record<string, Readonly<Record<string, Schema & { readonly responses: Schema }>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>
    readonly responses: Readonly<Record<string, Response>>
  }
}

let text: string | null = null

/** The document is rendered at the first request, so that it does not slow the start. */
export function sendOpenApi({ res }: Call, routes: readonly Route[]): void {
  text ??= JSON.stringify(openApiDocument(routes))
  send(res, 200, JSON_TYPE, text)
}

export function openApiDocument(routes: readonly Route[]): OpenApiDocument {
  const errors = new ErrorResponses()
  const paths: Record<string, Record<string, Schema & { responses: Schema }>> = {}
  for (const route of routes) {
    for (const method of route.methods) {
      const operation = operationDocument(operationOf(route, method), route, errors)
      paths[route.path] = { ...paths[route.path], [method.toLowerCase()]: operation }
    }
  }
  const head = {
    info: { title: 'foreman', version: VERSION, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/', description: 'The daemon that serves this document.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    security: [{}, { bearer: [] }, { basic: [] }, { key: [] }],
  }
  const securitySchemes = {
    bearer: { type: 'http', scheme: 'bearer', description: 'FOREMAN_TOKEN, where it is set.' },
    basic: { type: 'http', scheme: 'basic', description: 'FOREMAN_TOKEN as the password.' },
    key: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'FOREMAN_TOKEN.' },
  }
  const schemas = { ...JOB_SCHEMAS, ...STATUS_SCHEMAS }
  return {
    openapi: '3.1.0',
    ...head,
    paths,
    components: { schemas, responses: errors.components, securitySchemes },
  } as OpenApiDocument
}

/** Throws if the route is not described. */
function operationOf(route: Route, method: Method): Operation {
  const key = `${method} ${route.path}`
  const { path, group } = route
  if (group !== null) return passedOperation(path, group, method)
  const operation = JOB_OPERATIONS[key] ?? DAEMON_OPERATIONS[key]
  if (operation === undefined) throw new Error(`${key} is not described in http/openapi/`)
  return operation
}

function operationDocument(
  operation: Operation,
  { surface, path }: Route,
  errors: ErrorResponses,
): Schema & { responses: Schema } {
  const { id: operationId, tag, summary, description, parameters, requestBody } = operation
  return {
    ...{ operationId, tags: [tag], summary },
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(requestBody === undefined ? {} : { requestBody }),
    ...(OPEN.includes(path) ? { security: [] } : {}),
    responses: errors.of(operation, surface),
  }
}
