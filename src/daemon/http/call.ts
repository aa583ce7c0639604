// One call: a request that passed every check, and all that its handler may use. A row of the table of routes holds the
// handler.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpContext } from './context.ts'
import type { Surface } from './error-body.ts'
import type { RefusalLog } from './gate/refusal-log.ts'
import type { ShownModels } from './ollama/shown-models.ts'
import type { BodyRead, RequestBodies } from './request-body.ts'
import { type OwnError, refuse } from './respond.ts'
import type { Semaphore } from './semaphore.ts'
import type { SliceRunner } from './slice-runner.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'DELETE'

export type Handler = (call: Call) => Promise<void> | void

/** What happens to a call that goes to the target: the OpenAPI document describes each group once. */
export type TargetGroup = 'queued' | 'embeddings' | 'inventory' | 'show' | 'direct' | 'management'

export interface Route {
  /** Exact, except that each `{…}` stands for one segment. */
  readonly path: string
  /** A handler of GET answers HEAD as well: Node leaves the body out. */
  readonly methods: readonly Method[]
  /** The form of its errors. */
  readonly surface: Surface
  readonly handle: Handler
  /** Whether it is refused with `shutting_down` while the daemon stops. */
  readonly endsAtShutdown: boolean
  /** Null for the routes of foreman itself: the OpenAPI document describes each of them by itself. */
  readonly group: TargetGroup | null
}

/** What all calls of one server share. */
export interface Shared {
  readonly context: HttpContext
  readonly bodies: RequestBodies
  readonly slices: SliceRunner
  readonly embedSlots: Semaphore
  readonly shownModels: ShownModels
  /** One: backups are made one after the other. */
  readonly backupSlots: Semaphore
  readonly refusals: RefusalLog
}

/** A request body that was read whole. `release` gives its bytes back to the budget: call it once, when they are handed on. */
export type ReceivedBody = Extract<BodyRead, { readonly kind: 'read' }>

export class Call {
  readonly shared: Shared
  readonly route: Route
  /** Values of the `{…}` of the path, decoded, in its order. */
  readonly parameters: readonly string[]
  /** With its question mark; empty if the request has none. */
  readonly query: string
  readonly req: IncomingMessage
  readonly res: ServerResponse

  constructor(
    shared: Shared,
    { route, parameters }: Pick<Call, 'route' | 'parameters'>,
    query: string,
    req: IncomingMessage,
    res: ServerResponse,
  ) {
    this.shared = shared
    this.route = route
    this.parameters = parameters
    this.query = query
    this.req = req
    this.res = res
  }

  get context(): HttpContext {
    return this.shared.context
  }

  /** Reads the whole body. Returns null if the call is answered already, with a refusal, or if its caller has gone. */
  async body(): Promise<ReceivedBody | null> {
    const read = await this.shared.bodies.read(this.req, this.res)
    if (read.kind === 'read') return read
    if (read.kind === 'refused') this.refuse(read.error)
    return null
  }

  /** Answers with an error, and logs it if it is a 401 or a 403. */
  refuse(error: OwnError): void {
    this.shared.refusals.log(error, this.req, this.route.path)
    refuse(this.context, this.res, this.route.surface, error)
  }
}
