// Connector for sockets to the target. It drops `100 Continue` answers that were not asked for: undici ends the connection at
// one (8.12), although RFC 9110, section 15.2 lets a client ignore it. No other byte changes. It also notices kept connections that
// close before a byte of an answer.

import { buildConnector } from 'undici'

/** A socket as the connector sees it: only what undici uses is named. */
export interface ReadableSocket {
  read(size?: number): Buffer | null
  write(...args: unknown[]): boolean
  on(event: 'error', listener: (error: Error) => void): unknown
}

const REQUEST_LINE = /^[A-Z]+ \S+ HTTP\/1\.1\r\n/
const INTERIM = Buffer.from('HTTP/1.1 100 ')
const HEAD_END = Buffer.from('\r\n\r\n')
/** An interim answer has no reason to be longer. A longer one goes on to undici, which refuses it. */
const MAX_INTERIM_BYTES = 16 * 1024

const staleErrors = new WeakSet<Error>()

/**
 * Returns whether this error ended a connection that had served before, and that closed before a byte of the answer to its
 * last request. A server may close an idle connection at any time, so the target has probably not read that request.
 */
export const isStaleConnection = (error: Error): boolean => staleErrors.has(error)

export function createConnector(timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({ allowH2: false, timeout: timeoutMs })
  return (options, callback) =>
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null)
      watchAnswers(socket as unknown as ReadableSocket)
      callback(null, socket)
    })
}

/** Filters what is read from a socket, between a request's head and the first byte of its answer. */
function watchAnswers(socket: ReadableSocket): void {
  const read = socket.read.bind(socket)
  const write = socket.write.bind(socket)
  let requests = 0
  let awaitsHead = false
  let pending: Buffer | null = null
  socket.write = (...args) => {
    if (typeof args[0] === 'string' && REQUEST_LINE.test(args[0])) {
      requests += 1
      awaitsHead = true
    }
    return write(...args)
  }
  socket.read = (size) => {
    const chunk = read(size)
    if (!awaitsHead || chunk === null) return chunk
    const bytes: Buffer = pending === null ? chunk : Buffer.concat([pending, chunk])
    const rest = withoutInterim(bytes)
    pending = rest === null ? bytes : null
    awaitsHead = rest === null || rest.length === 0
    return rest === null || rest.length === 0 ? null : rest
  }
  socket.on('error', (error) => {
    if (requests > 1 && awaitsHead && pending === null) staleErrors.add(error)
  })
}

/** Returns the bytes behind all interim answers, or null if more bytes are needed to tell. */
function withoutInterim(bytes: Buffer): Buffer | null {
  let rest = bytes
  for (;;) {
    const length = Math.min(rest.length, INTERIM.length)
    if (rest.compare(INTERIM, 0, length, 0, length) !== 0) return rest
    const end = rest.indexOf(HEAD_END)
    if (end === -1) return rest.length > MAX_INTERIM_BYTES || rest.length === 0 ? rest : null
    rest = rest.subarray(end + HEAD_END.length)
  }
}
