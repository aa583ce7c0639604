// Owns what a way of asking is — one real client in one mode — and what its user is told, as plain values: a client in
// another language prints the same as JSON. It judges nothing.

/** What a program that uses the client has in its hands at the end. */
export type Told =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'error'
      /** The class of the error. */
      readonly type: string
      readonly message: string
      /** The HTTP status, where the client gives it to its user. */
      readonly status: number | null
    }

export interface Asked {
  /** Where the server is, without a path. */
  readonly url: string
  readonly model: string
}

export interface Named {
  /** As the table of docs/client-matrix.md names it. */
  readonly client: string
  /** One word: how it is asked, or what it is asked for. */
  readonly mode: string
}

export interface Way extends Named {
  readonly mode: 'streamed' | 'whole'
  /** The endpoint that it asks. */
  readonly endpoint: '/api/chat' | '/api/generate' | '/v1/chat/completions' | '/v1/messages'
  /** What goes over the wire is streamed, whatever its user sees of it. */
  readonly streams: boolean
  /** Asks for one short chat, with the client's own defaults for everything else. Never rejects. */
  readonly tell: (asked: Asked) => Promise<Told>
}

export const nameOf = ({ client, mode }: Named): string => `${client} ${mode}`
