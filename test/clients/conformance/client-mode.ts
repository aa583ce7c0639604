// Client mode: one real client in one mode, streamed or whole, and what its user gets. The results are plain values, so that clients in
// other languages can print them as JSON.

/** What the program that uses the client gets. */
export type ClientResult =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'error'
      /** The class of the error. */
      readonly type: string
      readonly message: string
      /** The HTTP status; null if the client does not give it to its user. */
      readonly status: number | null
    }

export interface ClientRequest {
  /** Base URL of the server, without a path. */
  readonly url: string
  readonly model: string
}

export interface ClientName {
  /** Its name in docs/client-matrix.md. */
  readonly client: string
  /** One word: how it is called, or for what. */
  readonly mode: string
}

export interface ClientMode extends ClientName {
  readonly mode: 'streamed' | 'whole'
  /** The endpoint that it calls. */
  readonly endpoint: '/api/chat' | '/api/generate' | '/v1/chat/completions' | '/v1/messages'
  /** Whether the HTTP answer is streamed, even if its user gets it whole. */
  readonly streams: boolean
  /** Sends one short chat with the client's default settings. Never rejects. */
  readonly call: (asked: ClientRequest) => Promise<ClientResult>
}

export const nameOf = ({ client, mode }: ClientName): string => `${client} ${mode}`
