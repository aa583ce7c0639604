/** What an async job leaves behind, kept with it; written in the transaction that ends it. */
export interface Artifact {
  /** Unique in its job. */
  readonly name: ArtifactName
  readonly contentType: string
  readonly body: Uint8Array<ArrayBuffer>
}

export type ArtifactName = 'completion' | 'response'

/** What an async job ends with. */
export interface JobOutput {
  readonly artifacts: readonly Artifact[]
  /** JSON text of `result`, where that is not the response itself; null: it is, or there is none. */
  readonly result: Uint8Array<ArrayBuffer> | null
  /** The response is JSON and whole, so that it is the result. */
  readonly responseIsResult: boolean
}

/** An artifact as it is shown. */
export interface ArtifactEntry {
  readonly name: ArtifactName
  readonly contentType: string
  readonly bytes: number
  /** Strong ETag without its quotes: hex SHA-256 of the body. */
  readonly etag: string
  /** The body, if it is at most `INLINE_BYTES`; null = read it by itself. */
  readonly inline: Uint8Array<ArrayBuffer> | null
}

/** What larger artifacts and results are not sent inline. */
export const INLINE_BYTES = 256 * 1024
