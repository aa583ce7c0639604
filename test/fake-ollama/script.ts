// Scripts for the fake's answer to one request. Plain values: combine them with `{ ...a, ...b }`.

export interface Script {
  /** The model's output, one record each. */
  readonly tokens?: readonly string[]
  /** For /v1/messages and thinking models, which are not modelled, use `raw`. */
  readonly raw?: Buffer | string
  /** Replaces the model's output. */
  readonly status?: number
  readonly reason?: string
  readonly body?: Buffer | string
  readonly headers?: readonly (readonly [name: string, value: string])[]
  /** `length` declares the whole body's length, `close` ends the body with the connection. */
  readonly framing?: 'chunked' | 'length' | 'close'
  /** Replaces the rest of the answer, after `after` records. */
  readonly ending?:
    | 'whole'
    /** A proper end without the last record. */
    | 'unmarked'
    | 'fin'
    | 'rst'
    /** No more bytes, on an open connection. */
    | 'stall'
    /** An impossible chunk size. */
    | 'bad chunk'
    | { readonly error: string }
  readonly after?: number
  /** The cut is in the middle of the next record. */
  readonly midRecord?: boolean
  /** The cut is before the status line: with fin, rst or stall. */
  readonly headless?: boolean
  /** The bytes of the answer (its head too) are written this many at a time. */
  readonly slice?: number
  /** Records are repeated until the answer is about this long. */
  readonly bytes?: number
  /** A gate to wait at before the first byte, besides `load` and `head`. */
  readonly gate?: string
  /** Closes the connection after the answer, as the head says. */
  readonly closes?: boolean
  /** Answers before the end of the request's body. */
  readonly early?: boolean
}

export const says = (...tokens: string[]): Script => ({ tokens })

/** Cut after `after` records. An `rst` throws away what the reader has not read yet: hold the gate `cut` until the reader has read. */
export const cut = (how: 'fin' | 'rst', after: number, midRecord = false): Script => ({ ending: how, after, midRecord })

/** The connection is accepted, and closed without a byte. */
export const hangsUp = (how: 'fin' | 'rst' = 'fin'): Script => ({ ending: how, headless: true })

/** Silence: before the first byte, or after some records. */
export const stalls = (after?: number): Script => ({
  ending: 'stall',
  after: after ?? 0,
  headless: after === undefined,
})

/** A proper end without the terminal marker. */
export const unmarked = (after?: number): Script => ({ ending: 'unmarked', ...(after === undefined ? {} : { after }) })

/** An error record in a 200 stream. */
export const breaksWith = (error: string, after = 1): Script => ({ ending: { error }, after })

/** Ollama's own HTTP error. */
export const fails = (status: number, error: string): Script => ({ status, body: JSON.stringify({ error }) })

export const busy = (): Script => fails(503, 'server busy, please try again.  maximum pending requests exceeded')

/** The error page of a proxy. */
export const page = (status: number, title = 'Bad Gateway'): Script => ({
  status,
  body: `<html><head><title>${status} ${title}</title></head></html>\r\n`,
  headers: [['Content-Type', 'text/html']],
})

/** In pieces of `bytes`. */
export const sliced = (bytes: number): Script => ({ slice: bytes })

/** An answer of this size in records of 1 KiB. */
export const huge = (bytes: number): Script => ({ ...says(`Hello${'o'.repeat(900)}`, ' world', '!'), bytes })

/** Exactly these bytes, status line and all, then the end of the connection. */
export const raw = (bytes: Buffer | string): Script => ({ raw: bytes })
