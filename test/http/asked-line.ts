// One request on its own connection, written byte for byte, and its answer with the reason phrase, which HTTP clients hide.

import { type RawSocket, rawSocket } from './raw-socket.ts'

export interface Asked {
  /** Default: POST. */
  readonly method?: string
  readonly path: string
  /** An object is sent as JSON. */
  readonly body?: object | string
  /** Default: localhost. */
  readonly host?: string
  /** Header lines. Without a length or coding among them, the body's length is declared. */
  readonly headers?: readonly string[]
}

export interface Reply {
  /** Status with its reason phrase. */
  readonly line: string
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

export interface AskedLine {
  readonly hasHead: boolean
  /** Resolves with the whole answer. Rejects if it is cut or has no length. */
  reply(): Promise<Reply>
}

export async function ask(url: string, asked: Asked): Promise<AskedLine> {
  const { method = 'POST', path, body = '', host = 'localhost', headers = [] } = asked
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const isFramed = headers.some((line) => /^(content-length|transfer-encoding):/i.test(line))
  const length = isFramed || method === 'GET' ? [] : [`Content-Length: ${Buffer.byteLength(text)}`]
  const type = text === '' ? [] : ['Content-Type: application/json']
  const line = await rawSocket(Number(new URL(url).port))
  const head = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, ...type, ...length, ...headers]
  line.send(`${head.join('\r\n')}\r\n\r\n${text}`)
  return {
    get hasHead() {
      return line.received.includes('\r\n\r\n')
    },
    reply: () => replyOf(line),
  }
}

async function replyOf(line: RawSocket): Promise<Reply> {
  await line.until(/\r\n\r\n/)
  const end = line.received.indexOf('\r\n\r\n')
  const [status = '', ...fields] = line.received.slice(0, end).split('\r\n')
  const headers = new Map(
    fields.map((field) => {
      const colon = field.indexOf(':')
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const
    }),
  )
  const length = Number(headers.get('content-length') ?? expectLength(line.received))
  await line.until(new RegExp(`\\r\\n\\r\\n[\\s\\S]{${length}}`))
  return { line: status.replace('HTTP/1.1 ', ''), headers, body: line.received.slice(end + 4, end + 4 + length) }
}

function expectLength(received: string): never {
  throw new Error(`an answer without a length: ${received}`)
}
