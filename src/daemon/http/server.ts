// Owns the listening socket and what Node's HTTP server must be told: limits, what it lets through and must not, and
// which handler gets a request. It reads no body and knows no job.

import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import { hostname } from 'node:os'
import type { Config } from '../config/config.ts'
import type { EndpointPath } from '../domain/endpoint.ts'
import { cameThrough, HOP_HEADER, LOOP_REASON } from '../domain/hop.ts'
import { hasPath } from '../domain/ollama-version.ts'
import { StoreError } from '../sqlite/store.ts'
import type { HttpContext } from './context.ts'
import { reasonPhrase } from './error-body.ts'
import { dropLongHeaders, isBodiless, isWellEscaped } from './gate/framing.ts'
import { Gate, isHealth } from './gate/gate.ts'
import { RefusalLog } from './gate/refusal-log.ts'
import { SocketGuard } from './gate/socket-guard.ts'
import { answerJobs } from './jobs/jobs.ts'
import { embed } from './ollama/embeddings.ts'
import { answerInventory } from './ollama/inventory.ts'
import { manage } from './ollama/management.ts'
import { passThrough } from './ollama/passthrough.ts'
import { queue } from './ollama/queued.ts'
import { ShownModels, show } from './ollama/show.ts'
import { BackupDownloads } from './own/backup.ts'
import { answerOwn } from './own/health.ts'
import { type Redirect, redirectOf } from './redirect.ts'
import { RequestBodies } from './request-body.ts'
import { hasBody, type OwnError, ownError, refuse, sendPlain } from './respond.ts'
import { type Match, match, type Route } from './routes.ts'
import { Semaphore } from './semaphore.ts'
import { SliceRunner } from './slice-runner.ts'

export interface ServerLimits {
  /** Until the headers of a request are complete. */
  readonly headersMs: number
  readonly keepAliveMs: number
  readonly maxHeaderSize: number
  /** Requests of one connection that wait for their answers. */
  readonly pipelined: number
  readonly bodyWindowMs: number
  readonly bodyWindowBytes: number
  /** How often Node and we look for slow requests. */
  readonly checkMs: number
  readonly bodiesInFlight: number
  /** Connections beyond the callers who may wait: embeddings, status, keep-alive. */
  readonly headRoom: number
  /** Connections beyond those, if all of them are busy: only /healthz and /readyz are answered there. */
  readonly forHealth: number
}

export const LIMITS: ServerLimits = {
  headersMs: 10_000,
  // Pooled clients and proxies keep theirs up to 60 s: whoever closes first makes the other one's next request fail.
  keepAliveMs: 75_000,
  // Cookies of a single sign-on are 20 kB.
  maxHeaderSize: 64 * 1024,
  pipelined: 16,
  bodyWindowMs: 60_000,
  bodyWindowBytes: 16 * 1024,
  checkMs: 5_000,
  bodiesInFlight: 256 * 1024 * 1024,
  headRoom: 512,
  forHealth: 64,
}

const surfaceOf = (found: Match): Route['surface'] => (found.kind === 'route' ? found.route.surface : found.surface)

/** What close() gives to answers that are under way. */
const CLOSE_GRACE_MS = 1_000

export interface HttpServer {
  /** Rejects with an error that carries `exitCode` 69 when the address is not to be had. */
  listen(): Promise<{ readonly port: number }>
  /** Takes no new connection, drops the idle ones, gives answers under way a second, then cuts. Safe twice. */
  close(): Promise<void>
}

export class ListenError extends Error {
  /** EX_UNAVAILABLE of sysexits. */
  readonly exitCode = 69
}

export function createServer(context: HttpContext, limits: ServerLimits = LIMITS): HttpServer {
  const { config, clock, log, metrics } = context
  const refusals = new RefusalLog(clock, log)
  const gate = new Gate(config, hostname())
  const slices = new SliceRunner()
  const bodyLimits = {
    maxBody: config.maxBody,
    inFlight: limits.bodiesInFlight,
    windowMs: limits.bodyWindowMs,
    windowBytes: limits.bodyWindowBytes,
    checkMs: limits.checkMs,
  }
  const bodies = new RequestBodies(clock, bodyLimits, slices)
  const slots = new Semaphore(config.embedConcurrency, config.embedQueue)
  const shown = new ShownModels()
  const backups = new BackupDownloads()
  const guard = new SocketGuard(clock, limits.pipelined)
  const server = http.createServer({
    keepAlive: true,
    keepAliveInitialDelay: 15_000,
    noDelay: true,
    headersTimeout: limits.headersMs,
    // Bodies have a pace of their own (request-body.ts): a large one on slow Wi-Fi may take longer than any limit.
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
  // Node would send "100 Continue" before anybody looked; the body reader does it once the request is let in.
  server.on('checkContinue', receive)
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => guard.refuse(error, socket))

  function receive(req: IncomingMessage, res: ServerResponse): void {
    if (!guard.enter(req.socket, res)) return
    const { url = '', method = '' } = req
    const mark = url.indexOf('?')
    const path = mark < 0 ? url : url.slice(0, mark)
    const found = known(match(method, path), path)
    // Not once(): it comes once by itself, and each wrapper costs as much as what it wraps.
    res.on('close', () =>
      metrics.request(
        found.kind === 'route' ? found.route.path : 'other',
        method,
        res.headersSent ? res.statusCode : 499,
      ),
    )
    try {
      const done = answer(found, path, mark < 0 ? '' : url.slice(mark), req, res)
      if (done !== undefined) done.catch((error: unknown) => failed(error, res, found))
    } catch (error) {
      failed(error, res, found)
    }
  }

  /** A path that the probed version of the target lacks is unknown here as well. */
  function known(found: Match, path: string): Match {
    if (hasPath(context.prober.status.inventory?.version ?? null, path)) return found
    return { kind: 'unknown', surface: surfaceOf(found) }
  }

  function answer(
    found: Match,
    path: string,
    query: string,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> | void {
    const surface = surfaceOf(found)
    if (cameThrough(req.headers[HOP_HEADER], context.hop)) return refuseLoop(res, surface, path)
    if (guard.connections > seats && !isHealth(path)) {
      res.setHeader('Connection', 'close')
      return refuse(context, res, surface, ownError('too_many_connections'))
    }
    const refusal = gate.refusal(req, res, path)
    if (refusal !== null) {
      logRefusal(found.kind === 'route' ? found.route.path : 'other', refusal, req)
      return refuse(context, res, surface, refusal)
    }
    dropLongHeaders(req)
    if (path === '*') return send204(res, 'HEAD, GET, POST, DELETE, OPTIONS')
    if (req.method === 'TRACE')
      return sendPlain(context, res, 405, '405 method not allowed', { Allow: 'HEAD, GET, POST, DELETE' })
    // An empty body in chunks is usual behind some proxies; what is in one is not read, so the connection ends with the answer.
    if (isBodiless(req.method) && req.headers['transfer-encoding'] !== undefined) res.shouldKeepAlive = false
    if (found.kind === 'unknown') {
      if (!isWellEscaped(path))
        return refuse(context, res, surface, ownError('bad_request', { detail: 'malformed escape in the path' }))
      const redirect = req.method === 'OPTIONS' ? null : redirectOf(req.method ?? '', path, query)
      if (redirect !== null) return sendRedirect(res, redirect)
      return sendPlain(context, res, 404, '404 page not found')
    }
    if (req.method === 'OPTIONS') return send204(res, `${found.allow}, OPTIONS`)
    if (found.kind === 'wrong_method')
      return sendPlain(context, res, 405, '405 method not allowed', { Allow: found.allow })
    return go(found.route, found.parameters, query, req, res)
  }

  function go(
    route: Route,
    parameters: readonly string[],
    query: string,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> | void {
    const { way, surface, path } = route
    if (way === 'own') return answerOwn(context, bodies, backups, path, req, res)
    if (way === 'inventory') return answerInventory(context, route, parameters[0] ?? '', req, res)
    if (way === 'jobs') return answerJobs(context, bodies, slices, { path, parameters, query }, req, res)
    if (context.phase === 'stopping') return refuse(context, res, surface, ownError('shutting_down'))
    switch (way) {
      case 'embeddings':
        return embed(context, bodies, slots, route, req, res)
      case 'queued':
        // The table is built from ENDPOINTS, so its queued paths are endpoints.
        return queue(context, bodies, slices, path as EndpointPath, surface, req, res)
      case 'show':
        return show(context, bodies, shown, route, req, res)
      case 'direct':
        return passThrough(context, bodies, route, query, req, res)
      case 'management':
        if (!config.allowManagement) {
          const disabled = ownError('management_disabled')
          logRefusal(path, disabled, req)
          return refuse(context, res, surface, disabled)
        }
        return manage(context, bodies, { route, parameter: parameters[0] ?? '', query }, req, res)
    }
  }

  function logRefusal(route: string, { status, code }: OwnError, { socket }: IncomingMessage): void {
    if (status === 401 || status === 403) refusals.refused(status, code, socket.remoteAddress ?? 'unknown', route)
  }

  let isLoopLogged = false
  function refuseLoop(res: ServerResponse, surface: Route['surface'], path: string): void {
    if (!isLoopLogged) log.error({ path, target: config.ollamaUrl }, `a request of foreman came back: ${LOOP_REASON}`)
    isLoopLogged = true
    refuse(context, res, surface, ownError('loop_detected'))
  }

  function failed(error: unknown, res: ServerResponse, found: Match): void {
    if (error instanceof StoreError && !res.headersSent) {
      const isUnknown = error.outcome === 'unknown' && res.req.method !== 'GET'
      return refuse(context, res, surfaceOf(found), ownError(isUnknown ? 'outcome_unknown' : 'shutting_down'))
    }
    log.error(
      { err: error, route: found.kind === 'route' ? found.route.path : 'other' },
      'a request failed inside foreman',
    )
    if (res.headersSent) return void res.destroy()
    refuse(context, res, surfaceOf(found), ownError('internal', { detail: 'see the log' }))
  }

  let closing: Promise<void> | null = null
  return {
    async listen() {
      await listenOn(server, config.addr)
      server.on('error', (error) => log.error({ err: error }, 'the listening socket failed'))
      return { port: (server.address() as AddressInfo).port }
    },
    close() {
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

/** Rejects with ListenError if `config.addr` cannot be listened on. Takes no request, and closes the port again. */
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

/** With the small page that Go writes for a GET. */
function sendRedirect(res: ServerResponse, { status, location }: Redirect): void {
  const shown = location
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&#34;')
  const isRead = res.req.method === 'GET' || res.req.method === 'HEAD'
  const page = isRead ? `<a href="${shown}">${reasonPhrase(status)}</a>.\n\n` : ''
  res.writeHead(status, reasonPhrase(status), {
    Location: location,
    ...(isRead ? { 'Content-Type': 'text/html; charset=utf-8' } : {}),
    'Content-Length': Buffer.byteLength(page),
    ...(res.req.complete || !hasBody(res.req) ? {} : { Connection: 'close' }),
  })
  res.end(page)
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
