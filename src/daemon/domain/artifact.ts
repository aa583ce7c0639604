/** A stored output of an async job. It is saved in the transaction that ends the job. */
export interface Artifact {
  /** Unique within its job. */
  readonly name: ArtifactName
  readonly contentType: string
  readonly body: Uint8Array<ArrayBuffer>
}

export type ArtifactName = 'completion' | 'response'

/** The stored outputs of an async job, and its result. */
export interface JobOutput {
  readonly artifacts: readonly Artifact[]
  /** JSON text of `result`; null if the response itself is the result, or if there is none. */
  readonly result: Uint8Array<ArrayBuffer> | null
  /** The response is complete JSON, so it is the result. */
  readonly responseIsResult: boolean
}

/** An artifact in an answer or a webhook. */
export interface ArtifactEntry {
  readonly name: ArtifactName
  readonly contentType: string
  readonly bytes: number
  /** Strong ETag without quotes: hex SHA-256 of the body. */
  readonly etag: string
  /** The body if it is at most `INLINE_BYTES`; null if it must be fetched separately. */
  readonly inline: Uint8Array<ArrayBuffer> | null
}

/** Larger artifacts and results are not sent inline. */
export const INLINE_BYTES = 256 * 1024
