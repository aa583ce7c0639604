// Connector that drops `100 Continue` answers which were not asked for: undici ends the connection at one (8.12), although
// RFC 9110 §15.2 lets a client ignore it. It must not touch any other byte.

import { buildConnector } from 'undici'

/** A socket whose interim answers are dropped. Only what undici uses of it is named. */
export interface ReadableSocket {
  read(size?: number): Buffer | null
  write(...args: unknown[]): boolean
}

const REQUEST_LINE = /^[A-Z]+ \S+ HTTP\/1\.1\r\n/
const INTERIM = Buffer.from('HTTP/1.1 100 ')
const HEAD_END = Buffer.from('\r\n\r\n')
/** An interim answer has no reason to be longer. A longer one goes on to undici, which refuses it. */
const MAX_INTERIM_BYTES = 16 * 1024

export function createConnector(timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({ allowH2: false, timeout: timeoutMs })
  return (options, callback) =>
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null)
      dropInterim(socket as unknown as ReadableSocket)
      callback(null, socket)
    })
}

/** Filters what is read from a socket, between a request's head and the first byte of its answer. */
export function dropInterim(socket: ReadableSocket): void {
  const read = socket.read.bind(socket)
  const write = socket.write.bind(socket)
  let awaitsHead = false
  let pending: Buffer | null = null
  socket.write = (...args) => {
    if (typeof args[0] === 'string' && REQUEST_LINE.test(args[0])) awaitsHead = true
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
