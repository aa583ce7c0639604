// What Ollama changed from version to version and foreman follows, as one table. Pure.
// A row names the first release with the change. Read in the source of each; docs/ollama-versions.md shows what was measured.

/** Used while the target has not told its version, and for builds without one (`0.0.0`). */
export const ASSUMED_VERSION = '0.17.4'

export const CHANGES = {
  /** A model name is trimmed and may say where the model is (`x:local`); an unusable one is `invalid model name`. */
  modelSources: '0.17.8',
  /** An error on `/v1` has the type of its status, whoever inside Ollama raised it. */
  typedErrors: '0.18.0',
  /** Every POST on `/v1` may be zstd. It is decoded before the surface is looked at, so its errors are native ones. */
  compressedSurface: '0.18.0',
  /** `/v1/models/x:cloud` is passed on to ollama.com. */
  cloudModelDetails: '0.18.0',
  /** The runner is llama-server: `shift` and `draft_num_predict` reload it, and num_ctx is capped at the trained length. */
  llamaServer: '0.30.0',
  /** `/v1/models/nope` is looked for, and not found, as `nope:latest`. */
  taggedDetails: '0.30.0',
  /** `/v1/responses` is read by a layer of its own first, which looks for compactions. */
  compaction: '0.34.0',
  /** Chat and generate read their body into a struct around the request, which shows in Go's errors. */
  wrappedRequests: '0.34.3',
} as const

export type OllamaChange = keyof typeof CHANGES

/** Paths that not every version has. A version that lacks one answers 404, and foreman does not speak for it. */
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

/** Returns whether Ollama of this version has the route. `version`: null if it is not known; then every route is there. */
export function hasPath(version: string | null, path: string): boolean {
  const bounds = PATHS[path]
  if (bounds === undefined || version === null || !isReleased(version)) return true
  const { since, until } = bounds
  return (since === undefined || isSince(version, since)) && (until === undefined || !isSince(version, until))
}
