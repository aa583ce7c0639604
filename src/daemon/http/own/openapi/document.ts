// The OpenAPI document of this daemon, `GET /openapi.json`: one operation for each row of the table of routes.

import { VERSION } from '../../../../protocol/version.ts'
import { type Method, ROUTES, type Route } from '../../routes.ts'
import { DAEMON_OPERATIONS } from './daemon-operations.ts'
import { JOB_OPERATIONS } from './job-operations.ts'
import { JOB_SCHEMAS } from './job-schemas.ts'
import { ErrorResponses, type Operation, type Response, TAGS } from './operation.ts'
import { passedOperation } from './passed-operations.ts'
import type { Schema } from './schema.ts'
import { STATUS_SCHEMAS } from './status-schemas.ts'

const DESCRIPTION = `A durable queue in front of one Ollama server. Calls of Ollama's, OpenAI's and Anthropic's surfaces are passed
on unchanged; an answer without \`X-Foreman-Error\` is the target's. Objects may grow: ignore keys that you do not know. A
method that a path does not have is a 405 with \`Allow\`, and an unknown path is a 404, both in plain text as Ollama writes them.`

/** Needs no token, so that anything may ask whether it lives. */
const OPEN = ['/', '/api/version', '/healthz', '/readyz']

export interface OpenApiDocument {
  readonly openapi: '3.1.0'
  readonly paths: Readonly<Record<string, Readonly<Record<string, Schema & { readonly responses: Schema }>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>
    readonly responses: Readonly<Record<string, Response>>
  }
}

export function openApiDocument(): OpenApiDocument {
  const errors = new ErrorResponses()
  const paths: Record<string, Record<string, Schema & { responses: Schema }>> = {}
  for (const route of ROUTES) {
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

/** Throws for a route that is not described. */
function operationOf(route: Route, method: Method): Operation {
  const key = `${method} ${route.path}`
  const { way } = route
  if (way !== 'own' && way !== 'jobs') return passedOperation({ ...route, way }, method)
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
