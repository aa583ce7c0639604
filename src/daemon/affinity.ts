// Owns the queue's one heuristic: which requests share a loaded model, and whose turn it is. Pure.
// A heuristic, not a scheduler: no priorities, no fairness, no budgets (ADR 0001).

/** The runner options whose change makes Ollama reload even the same model (server/sched.go needsReload, 0.17.4). */
export const RUNNER_OPTIONS = ['num_ctx', 'num_batch', 'num_gpu', 'main_gpu', 'use_mmap', 'num_thread'] as const

/** Cloud models use no GPU: always resident, and they change nothing about what is. */
export const CLOUD_AFFINITY = 'cloud'

/** `X` and `x:latest` are one model to Ollama, so are its own registry's long names, and (since 0.17.8) `x:7b:local`. */
export function normaliseModel(model: string): string {
  const name = model
    .trim()
    .toLowerCase()
    .replace(/^(https?:\/\/)?registry\.ollama\.ai\//, '')
    .replace(/^library\//, '')
    .replace(/:local$/, '')
  const lastPart = name.slice(name.lastIndexOf('/') + 1)
  return lastPart.includes(':') ? name : `${name}:latest`
}

/** `x:cloud`, or `-cloud` at the end of a tag: an untagged `my-cloud` is a local model. */
export function isCloudModel(model: string): boolean {
  return /:(?:[^:/]*-)?cloud$/.test(model.trim().toLowerCase())
}

/** The affinity of a request: its normalised model and the runner options it sets, in a fixed order. */
export function affinityOf(model: string, options: Readonly<Record<string, unknown>> = {}): string {
  if (isCloudModel(model)) return CLOUD_AFFINITY
  const set = RUNNER_OPTIONS.filter((name) => options[name] !== undefined && options[name] !== null)
  return [normaliseModel(model), ...set.map((name) => `${name}=${String(options[name])}`)].join(' ')
}

/** The model part of an affinity. */
export const modelOfAffinity = (affinity: string): string => affinity.split(' ', 1)[0] ?? affinity

/** What the target holds in memory, as far as the queue's order is concerned. */
export interface Residency {
  /** Affinity of the last job sent, while `/api/ps` shows its model. */
  readonly affinity: string | null
  /** Normalised models in `/api/ps` that somebody else loaded: they match any affinity of theirs. */
  readonly foreign: readonly string[]
}

export const NOTHING_RESIDENT: Residency = { affinity: null, foreign: [] }

/** Residency after a probe: `shown` are the models of `/api/ps`, `lastSent` the affinity of the last job sent. */
export function residencyAfter(
  shown: readonly string[],
  lastSent: string | null,
  embedModel: string | null,
): Residency {
  const models = shown.map(normaliseModel)
  const affinity = lastSent !== null && models.includes(modelOfAffinity(lastSent)) ? lastSent : null
  const own = affinity === null ? null : modelOfAffinity(affinity)
  const embedder = embedModel === null ? null : normaliseModel(embedModel)
  return { affinity, foreign: models.filter((model) => model !== own && model !== embedder) }
}

export function isResident(affinity: string, residency: Residency): boolean {
  return (
    affinity === CLOUD_AFFINITY ||
    affinity === residency.affinity ||
    residency.foreign.includes(modelOfAffinity(affinity))
  )
}

export interface DrainBound {
  /** FOREMAN_DRAIN_LIMIT, ms; 0 = none. */
  readonly limitMs: number
  /** The awake clock now. */
  readonly awakeNow: number
  /** The awake clock at the last swap. */
  readonly swappedAwake: number
  /** The awake clock when the oldest waiting job came. */
  readonly oldestAwake: number
}

/**
 * Whether the queue turns from the resident affinity to the oldest job's: that one has waited the limit, and the resident
 * one has been drained that long since the last swap. Both are needed: "oldest first once overdue" alone swaps on almost
 * every job of a long backlog (271 loads for 300 jobs over 3 models; this rule 12; no bound 3).
 */
export function turnsToOldest({ limitMs, awakeNow, swappedAwake, oldestAwake }: DrainBound): boolean {
  return limitMs > 0 && awakeNow - oldestAwake >= limitMs && awakeNow - swappedAwake >= limitMs
}
