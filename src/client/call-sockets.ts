// Sockets of one call in Node: a dispatcher that is closed with the call. In other runtimes, and if the program has installed
// a global dispatcher of another kind (such as a proxy), fetch is used unchanged. It does not import undici.

export interface CallSockets {
  /** Options for Node's fetch that are not in its standard. */
  readonly init: Readonly<Record<string, unknown>>
  /** Closes open sockets. Safe to call twice. */
  close(): void
}

interface SocketDispatcher {
  destroy(): Promise<unknown>
}

type AgentClass = new (options: Readonly<Record<string, unknown>>) => SocketDispatcher

const NONE: CallSockets = { init: {}, close: () => undefined }

/**
 * There are two reasons. If an answer is aborted in the middle, Node's fetch opens another connection and keeps it (undici
 * #5845; seen in Node 22.23 and 26.9). And it gives up after 300 s without a byte (undici's headersTimeout and bodyTimeout),
 * but only the caller sets time limits here.
 */
export function callSockets(): CallSockets {
  const Agent = agentClass()
  if (Agent === null) return NONE
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })
  return {
    init: { dispatcher },
    // The call has already settled.
    close: () => void dispatcher.destroy().catch(() => undefined),
  }
}

/**
 * Returns undici's Agent class, or null if there is none or the global dispatcher is of another class, such as a proxy. A
 * program that has installed an Agent with options of its own passes `fetch` to the client.
 */
function agentClass(): AgentClass | null {
  // Node loads undici when one of its globals is first read.
  if (typeof globalThis.Request !== 'function') return null
  const names = globalThis as unknown as Readonly<Record<symbol, unknown>>
  const current = names[Symbol.for('undici.globalDispatcher.2')] ?? names[Symbol.for('undici.globalDispatcher.1')]
  const isAgent = typeof current === 'object' && current !== null && current.constructor.name === 'Agent'
  return isAgent ? (current.constructor as AgentClass) : null
}
