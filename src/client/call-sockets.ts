// Sockets of one call in Node: a dispatcher that is closed with the call. It does not import undici.

interface SocketDispatcher {
  destroy(): Promise<unknown>
}

type AgentClass = new (options: Readonly<Record<string, unknown>>) => SocketDispatcher

/**
 * Returns options for Node's fetch that are not in its standard, and a function that closes the open sockets. Returns null
 * in other runtimes, and if the program has installed a global dispatcher of another kind, such as a proxy.
 *
 * There are two reasons. If an answer is aborted in the middle, Node's fetch opens another connection and keeps it (undici
 * #5845; seen in Node 22.23 and 26.9). And it gives up after 300 s without a byte (undici's headersTimeout and bodyTimeout),
 * but only the caller sets time limits here.
 */
export function callSockets(): { readonly init: object; close(): void } | null {
  // Node loads undici when one of its globals is first read.
  if (typeof globalThis.Request !== 'function') return null
  // undici documents these keys with `setGlobalDispatcher`. An Agent with options of its own is for a `fetch` of the caller.
  const globals = globalThis as unknown as Readonly<Record<symbol, unknown>>
  const current = globals[Symbol.for('undici.globalDispatcher.2')] ?? globals[Symbol.for('undici.globalDispatcher.1')]
  if (current?.constructor.name !== 'Agent') return null
  const Agent = current.constructor as AgentClass
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })
  // When the sockets are closed, the call has already settled.
  return { init: { dispatcher }, close: () => void dispatcher.destroy().catch(() => undefined) }
}
