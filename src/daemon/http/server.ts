// HTTP server: the listening socket, the limits of Node's server, and the checks between a request and its handler. It reads
// no body and knows nothing of jobs.

import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import { hostname } from 'node:os'
import type { Config } from '../config/options.ts'
import { cameThrough, HOP_HEADER, LOOP_REASON } from '../domain/hop.ts'
import { hasPath } from '../domain/ollama-version.ts'
import { StoreError } from '../sqlite/store.ts'
import { Call, type Shared } from './call.ts'
import type { HttpContext } from './context.ts'
import type { Surface } from './error-body.ts'
import { dropLongHeaders, isBodiless, isWellEscaped } from './gate/framing.ts'
import { Gate, isHealth } from './gate/gate.ts'
import { RefusalLog } from './gate/refusal-log.ts'
import { SocketGuard } from './gate/socket-guard.ts'
import { ShownModels } from './ollama/shown-models.ts'
import { redirectOf, sendRedirect } from './redirect.ts'
import { RequestBodies } from './request-body.ts'
import { ownError, refuse, sendPlain } from './respond.ts'
import { type Match, match } from './routes.ts'
import { Semaphore } from './semaphore.ts'
import { SliceRunner } from './slice-runner.ts'

export const LIMITS = {
  /** In which the headers of a request must be complete. */
  headersMs: 10_000,
  /** Pooled clients and proxies keep idle connections up to 60 s. If the server closes first, their next request fails. */
  keepAliveMs: 75_000,
  /** Cookies of a single sign-on can be 20 kB. */
  maxHeaderSize: 64 * 1024,
  /** The most requests of one connection that wait for their answers. */
  pipelined: 16,
  bodyWindowMs: 60_000,
  bodyWindowBytes: 16 * 1024,
  checkMs: 5_000,
  bodiesInFlight: 256 * 1024 * 1024,
  /** Connections beyond the callers that may wait: for embeddings, status and keep-alive. */
  headRoom: 512,
  /** Connections beyond those, for when all of them are busy. They only answer /healthz and /readyz. */
  forHealth: 64,
}

export type ServerLimits = typeof LIMITS

/** The route as logs and metrics name it. */
const labelOf = (found: Match): string => (found.kind === 'route' ? found.route.path : 'other')

const MALFORMED_PATH = ownError('bad_request', {
  detail: 'malformed escape in the path: it must be percent-encoded UTF-8',
})

/** How long close() waits for answers in progress. */
const CLOSE_GRACE_MS = 1_000

class ListenError extends Error {
  /** EX_UNAVAILABLE of sysexits. */
  readonly exitCode = 69
}

export function createServer(context: HttpContext, limits = LIMITS) {
  const { config, clock, log, metrics } = context
  const refusals = new RefusalLog(clock, log)
  const gate = new Gate(config, hostname())
  const slices = new SliceRunner()
  const shared: Shared = {
    context,
    slices,
    refusals,
    bodies: new RequestBodies(clock, { ...limits, maxBody: config.maxBody }, slices),
    embedSlots: new Semaphore(config.embedConcurrency, config.embedQueue),
    shownModels: new ShownModels(),
    backupSlots: new Semaphore(1, Number.POSITIVE_INFINITY),
  }
  const guard = new SocketGuard(clock, limits.pipelined)
  const server = http.createServer({
    keepAlive: true,
    keepAliveInitialDelay: 15_000,
    noDelay: true,
    headersTimeout: limits.headersMs,
    // request-body.ts checks the pace of bodies: a large one over slow Wi-Fi may take longer than any fixed limit.
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: limits.checkMs,
    maxHeaderSize: limits.maxHeaderSize,
  })
  server.timeout = 0
  const seats = config.maxQueue + config.embedQueue + limits.headRoom
  server.maxConnections = seats + limits.forHealth
  server.on('connection', (socket: Socket) => {
    guard.connected(socket)
    if (guard.connections > seats) guard.closeIdle(socket)
  })
  server.on('request', receive)
  // Node would send "100 Continue" at once. The body reader sends it, once the request has passed the checks.
  server.on('checkContinue', receive)
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => guard.refuse(error, socket))

  function receive(req: IncomingMessage, res: ServerResponse): void {
    if (!guard.enter(req.socket, res)) return
    const { url = '', method = '' } = req
    const mark = url.indexOf('?')
    const path = mark < 0 ? url : url.slice(0, mark)
    const found = known(match(method, path), path)
    // Not once(): `close` comes only once, and the wrapper costs as much as the listener.
    res.on('close', () =>
      metrics.inc('requests', { route: labelOf(found), method, code: res.headersSent ? res.statusCode : 499 }),
    )
    try {
      const done = answer(found, path, mark < 0 ? '' : url.slice(mark), req, res)
      if (done !== undefined) done.catch((error: unknown) => failed(error, res, found))
    } catch (error) {
      failed(error, res, found)
    }
  }

  /** A path that the target's version does not have is unknown here as well. */
  function known(found: Match, path: string): Match {
    if (hasPath(context.prober.status.inventory?.version ?? null, path)) return found
    return { kind: 'unknown', surface: found.surface }
  }

  /**
   * Answers a request, by the first of these that applies:
   * 1. It came through this foreman before: 508.
   * 2. All connections are busy, and it does not ask for health: 503.
   * 3. The gate refuses its form, Host, Origin or token.
   * 4. `OPTIONS *`, or TRACE.
   * 5. An unknown path: 400 if its escapes are malformed, a redirect to a path that is known, or 404.
   * 6. OPTIONS: 204 with Allow.
   * 7. A method that the path does not have: 405, with a code on foreman's own paths, else as Ollama's router says it.
   * 8. The daemon stops, and the route ends with it: 503.
   * 9. The route's handler.
   */
  function answer(
    found: Match,
    path: string,
    query: string,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> | void {
    const { surface } = found
    // (1)
    if (cameThrough(req.headers[HOP_HEADER], context.hop)) return refuseLoop(res, surface, path)
    // (2)
    if (guard.connections > seats && !isHealth(path)) {
      res.setHeader('Connection', 'close')
      return refuse(context, res, surface, ownError('too_many_connections'))
    }
    // (3)
    const refusal = gate.refusal(req, res, path)
    if (refusal !== null) {
      refusals.log(refusal, req, labelOf(found))
      return refuse(context, res, surface, refusal)
    }
    dropLongHeaders(req)
    // (4)
    if (path === '*') return send204(res, 'HEAD, GET, POST, DELETE, OPTIONS')
    if (req.method === 'TRACE')
      return sendPlain(context, res, 405, '405 method not allowed', { Allow: 'HEAD, GET, POST, DELETE' })
    // Some proxies send an empty chunked body with a GET. It is not read, so the connection ends with the answer.
    if (isBodiless(req.method) && req.headers['transfer-encoding'] !== undefined) res.shouldKeepAlive = false
    // (5)
    if (found.kind === 'unknown') {
      if (!isWellEscaped(path)) return refuse(context, res, surface, MALFORMED_PATH)
      const redirect = req.method === 'OPTIONS' ? null : redirectOf(req.method ?? '', path, query)
      if (redirect !== null) return sendRedirect(res, redirect)
      if (surface === 'jobs') return refuse(context, res, surface, ownError('not_found'))
      return sendPlain(context, res, 404, '404 page not found')
    }
    // (6)
    if (req.method === 'OPTIONS') return send204(res, `${found.allow}, OPTIONS`)
    // (7)
    if (found.kind === 'wrong_method') {
      const { allow } = found
      if (surface !== 'jobs') return sendPlain(context, res, 405, '405 method not allowed', { Allow: allow })
      res.setHeader('Allow', allow)
      return refuse(context, res, surface, ownError('method_not_allowed', { method: req.method ?? '', allow }))
    }
    // (8)
    if (found.route.endsAtShutdown && context.phase === 'stopping')
      return refuse(context, res, surface, ownError('shutting_down'))
    // (9)
    return found.route.handle(new Call(shared, found, query, req, res))
  }

  let isLoopLogged = false
  function refuseLoop(res: ServerResponse, surface: Surface, path: string): void {
    if (!isLoopLogged) log.error({ path, target: config.ollamaUrl }, `a request of foreman came back: ${LOOP_REASON}`)
    isLoopLogged = true
    refuse(context, res, surface, ownError('loop_detected'))
  }

  function failed(error: unknown, res: ServerResponse, found: Match): void {
    if (error instanceof StoreError && !res.headersSent) {
      const isUnknown = error.outcome === 'unknown' && res.req.method !== 'GET'
      return refuse(context, res, found.surface, ownError(isUnknown ? 'outcome_unknown' : 'shutting_down'))
    }
    log.error({ err: error, route: labelOf(found) }, 'a request failed inside foreman')
    if (res.headersSent) return void res.destroy()
    refuse(context, res, found.surface, ownError('internal', { detail: 'see the log' }))
  }

  let closing: Promise<void> | null = null
  return {
    /** Rejects with an error whose `exitCode` is 69 if the address cannot be listened on. */
    async listen(): Promise<{ readonly port: number }> {
      await listenOn(server, config.addr)
      server.on('error', (error) => log.error({ err: error }, 'the listening socket failed'))
      return { port: (server.address() as AddressInfo).port }
    },
    /** Accepts no new connection, closes idle ones, gives answers in progress a second, then closes all. Safe to call twice. */
    close(): Promise<void> {
      closing ??= new Promise((resolve) => {
        if (!server.listening) return resolve()
        const timer = clock.after(CLOSE_GRACE_MS, () => server.closeAllConnections())
        server.close(() => {
          timer.cancel()
          resolve()
        })
        guard.close()
      })
      return closing
    },
  }
}

/** Rejects with ListenError if `config.addr` cannot be listened on. Answers no request, and closes the port again. */
export async function probeAddress({ addr }: Pick<Config, 'addr'>): Promise<void> {
  const server = net.createServer((socket) => socket.destroy())
  await listenOn(server, addr)
  await new Promise((closed) => server.close(closed))
}

function listenOn(server: net.Server, { host, port }: Config['addr']): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(listenError(error, host, port))
    server.once('error', onError)
    server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
      server.off('error', onError)
      resolve()
    })
  })
}

function send204(res: ServerResponse, allow: string): void {
  res.writeHead(204, 'No Content', { Allow: allow })
  res.end()
}

function listenError(error: NodeJS.ErrnoException, host: string, port: number): ListenError {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
  if (error.code === 'EADDRINUSE')
    return new ListenError(`${address} (FOREMAN_ADDR) is taken by another program`, { cause: error })
  return new ListenError(`cannot listen on ${address} (FOREMAN_ADDR): ${error.message}`, { cause: error })
}
