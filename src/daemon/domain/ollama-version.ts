// Changes in Ollama's behaviour that foreman follows, by version. Pure.
// A row names the first release with the change, taken from its source. docs/ollama-versions.md shows what was
// measured.

/** Used while the target's version is unknown, and for builds without one (`0.0.0`). */
export const ASSUMED_VERSION = '0.17.4'

export const CHANGES = {
  /** A model name is trimmed and may say where the model is (`x:local`). An unusable one is `invalid model name`. */
  modelSources: '0.17.8',
  /** The type of an error on `/v1` follows from its status, wherever in Ollama it came from. */
  typedErrors: '0.18.0',
  /**
   * Every POST on `/v1` may be zstd-compressed. It is decoded before the API family is known, so its errors are native
   * ones.
   */
  compressedSurface: '0.18.0',
  /** `/v1/models/x:cloud` is passed on to ollama.com. */
  cloudModelDetails: '0.18.0',
  /** The runner is llama-server: `shift` and `draft_num_predict` reload it, and num_ctx is capped at the trained length. */
  llamaServer: '0.30.0',
  /** `/v1/models/nope` is looked up, and reported missing, as `nope:latest`. */
  taggedDetails: '0.30.0',
  /** `/v1/responses` is first read by a separate layer that looks for compactions. */
  compaction: '0.34.0',
  /** Chat and generate read their body into a struct around the request, which is visible in Go's errors. */
  wrappedRequests: '0.34.3',
} as const

export type OllamaChange = keyof typeof CHANGES

/**
 * Paths that only some versions have. A version without the path answers 404, and foreman does not answer in its place.
 */
const PATHS: Readonly<Record<string, { readonly since?: string; readonly until?: string }>> = {
  '/v1/responses/compact': { since: '0.34.0' },
  '/v1/audio/transcriptions': { since: '0.20.0' },
  '/v1/images/generations': { until: '0.32.6' },
  '/v1/images/edits': { until: '0.32.6' },
}

const numbersOf = (version: string): number[] => /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? []

/** Returns whether the version is one that Ollama has released. */
const isReleased = (version: string): boolean => numbersOf(version).some((part) => part > 0)

/** Returns whether `version` is at least `least`; builds without a version and unknown ones count as ASSUMED_VERSION. */
export function isSince(version: string, least: string): boolean {
  const [a, b] = [numbersOf(isReleased(version) ? version : ASSUMED_VERSION), numbersOf(least)]
  const differing = [0, 1, 2].find((i) => a[i] !== b[i])
  return differing === undefined || (a[differing] ?? 0) > (b[differing] ?? 0)
}

/** Returns whether Ollama of this version has made the change. */
export const hasChange = (version: string, change: OllamaChange): boolean => isSince(version, CHANGES[change])

/**
 * Returns whether this version of Ollama has the route. If `version` is null (unknown), every route counts as present.
 */
export function hasPath(version: string | null, path: string): boolean {
  const bounds = PATHS[path]
  if (bounds === undefined || version === null || !isReleased(version)) return true
  const { since, until } = bounds
  return (since === undefined || isSince(version, since)) && (until === undefined || !isSince(version, until))
}
