// Owns the sockets of one call, where fetch is Node's and nobody has set up his own way to the network: a dispatcher that
// dies with the call. Everywhere else it owns nothing, and fetch is left to do as it does. It imports nothing of Node.

export interface CallSockets {
  /** What fetch takes besides what is in its standard. */
  readonly init: Readonly<Record<string, unknown>>
  /** Closes whatever is open. Safe twice. */
  close(): void
}

interface SocketDispatcher {
  destroy(): Promise<unknown>
}

type AgentClass = new (options: Readonly<Record<string, unknown>>) => SocketDispatcher

const NONE: CallSockets = { init: {}, close: () => undefined }

/**
 * Two reasons. Node's fetch connects anew, for nobody, when an answer is given up in its middle (undici #5845; seen in
 * Node 22.23 and 26.9), and keeps that socket. And it gives up by itself after 300 s without a byte (undici's
 * headersTimeout and bodyTimeout), which is not ours to say.
 */
export function callSockets(): CallSockets {
  const Agent = plainAgentClass()
  if (Agent === null) return NONE
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })
  return {
    init: { dispatcher },
    // Whoever was still waiting has been told already.
    close: () => void dispatcher.destroy().catch(() => undefined),
  }
}

/** Null where there is none, or where the program has put something of its own in its place: a proxy, a certificate. */
function plainAgentClass(): AgentClass | null {
  // Node loads its fetch when one of its names is touched.
  if (typeof globalThis.Request !== 'function') return null
  const names = globalThis as unknown as Readonly<Record<symbol, unknown>>
  const current = names[Symbol.for('undici.globalDispatcher.2')] ?? names[Symbol.for('undici.globalDispatcher.1')]
  if (typeof current !== 'object' || current === null || current.constructor.name !== 'Agent') return null
  const options = Object.getOwnPropertySymbols(current).find(({ description }) => description === 'options')
  if (options === undefined) return null
  const values = Object.values((current as Readonly<Record<symbol, object>>)[options] ?? {})
  const isPlain = values.every((value) => value === undefined || value === Number.POSITIVE_INFINITY)
  return isPlain ? (current.constructor as AgentClass) : null
}
