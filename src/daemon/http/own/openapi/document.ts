// `GET /openapi.json`: the OpenAPI document of this daemon, with one operation for each row of the table of routes.

import { VERSION } from '../../../../protocol/version.ts'
import type { Call, Method, Route } from '../../call.ts'
import { OPEN_PATHS } from '../../gate/gate.ts'
import { JSON_TYPE, send } from '../../respond.ts'
import { JOB_SCHEMAS } from './job-schemas.ts'
import { ErrorResponses, type Operation } from './operation.ts'
import { OWN_OPERATIONS } from './own-operations.ts'
import { passedOperation } from './passed-operations.ts'
import { oneOf, type Schema, text } from './schema.ts'
import { STATUS_SCHEMAS } from './status-schemas.ts'

const DESCRIPTION = `A durable queue in front of one Ollama server. Calls to Ollama's, OpenAI's and Anthropic's paths are passed on
unchanged: an answer without \`X-Foreman-Error\` comes from the target. Objects may get more keys: ignore those that you do not
know. A method that a path does not have gets a 405 with \`Allow\`, and an unknown path gets a 404. On the paths of foreman itself
both are JSON with a code; elsewhere they are plain text, as Ollama writes them.`

const TAGS = {
  jobs: 'Async jobs. A job is on disk before its 202 is sent.',
  daemon: 'The daemon itself: health, status, pause, metrics, backup.',
  queued: 'Calls of Ollama, OpenAI and Anthropic that wait in the queue and are passed on unchanged.',
  direct: 'Calls of Ollama, OpenAI and Anthropic that do not wait in the queue.',
}

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: 'FOREMAN_TOKEN, if it is set.' },
  basic: { type: 'http', scheme: 'basic', description: 'FOREMAN_TOKEN as the password.' },
  key: { type: 'apiKey', in: 'header', name: 'x-api-key', description: 'FOREMAN_TOKEN.' },
}

/** Parameters of paths that are not plain texts. */
const PATH_PARAMETERS: Readonly<Record<string, Schema>> = {
  '/jobs/{id}/artifacts/{name}': oneOf(['completion', 'response']),
  '/jobs/{id}/deliveries/{n}': { type: 'integer', minimum: 1 },
}

interface OperationDocument extends Schema {
  readonly responses: Schema
}

let rendered: string | null = null

/** The document is rendered at the first request, so that it does not slow the start. */
export function sendOpenApi({ res }: Call, routes: readonly Route[]): void {
  rendered ??= JSON.stringify(openApiDocument(routes))
  send(res, 200, JSON_TYPE, rendered)
}

export function openApiDocument(routes: readonly Route[]) {
  const errors = new ErrorResponses()
  const paths: Record<string, Record<string, OperationDocument>> = {}
  for (const route of routes)
    for (const method of route.methods)
      paths[route.path] = { ...paths[route.path], [method.toLowerCase()]: operationDocument(route, method, errors) }
  return {
    openapi: '3.1.0',
    info: { title: 'foreman', version: VERSION, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/', description: 'The daemon that serves this document.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    security: [{}, { bearer: [] }, { basic: [] }, { key: [] }],
    paths,
    components: {
      schemas: { ...JOB_SCHEMAS, ...STATUS_SCHEMAS },
      responses: errors.components,
      securitySchemes: SECURITY_SCHEMES,
    },
  }
}

function operationDocument(route: Route, method: Method, errors: ErrorResponses): OperationDocument {
  const { path, group, surface } = route
  const operation = group === null ? ownOperation(path, method) : passedOperation(path, group, method)
  const { id, summary, requestBody } = operation
  const parameters = [...parametersOf(path), ...(operation.parameters ?? [])]
  return {
    operationId: id,
    tags: [tagOf(route)],
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(requestBody === undefined ? {} : { requestBody }),
    ...(OPEN_PATHS.has(path) ? { security: [] } : {}),
    responses: errors.of(operation, surface),
  }
}

function tagOf({ group, path }: Route): keyof typeof TAGS {
  if (group !== null) return group === 'queued' ? 'queued' : 'direct'
  return path.startsWith('/jobs') ? 'jobs' : 'daemon'
}

/** Throws if the route is not described. HEAD is described as its GET. */
function ownOperation(path: string, method: Method): Operation {
  const operation = OWN_OPERATIONS[`${method === 'HEAD' ? 'GET' : method} ${path}`]
  if (operation === undefined) throw new Error(`${method} ${path} is missing in own-operations.ts`)
  if (method !== 'HEAD') return operation
  const { id, summary } = operation
  const name = id.replace(/^(get|list)/, '')
  return { ...operation, id: name === id ? `${id}Head` : `head${name}`, summary: `Headers only: ${summary}` }
}

function parametersOf(path: string): readonly Schema[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(({ 0: { length }, 1: name, index }) => {
    const schema = PATH_PARAMETERS[path.slice(0, index + length)] ?? text()
    return { name, in: 'path', required: true, schema }
  })
}
