// Affinity: which requests share a loaded model, and which one is next. Pure.
// This is a heuristic, not a scheduler: no priorities, no fairness, no budgets (ADR 0001).

import { type Aliases, type KnownModel, NO_ALIASES } from './model-facts.ts'
import { ASSUMED_VERSION, hasChange, isSince } from './ollama-version.ts'

/**
 * Options that make Ollama reload the same model when they change (server/sched.go needsReload of 0.17.4 and 0.34.4).
 */
export const RUNNER_OPTIONS = [
  'num_ctx',
  'num_batch',
  'num_gpu',
  'main_gpu',
  'use_mmap',
  'num_thread',
  'draft_num_predict',
] as const

/** Runner settings in a request: those of its options, and its `shift`, which is a key of its own. */
export type RunnerSettings = Readonly<
  Partial<Record<(typeof RUNNER_OPTIONS)[number] | 'shift', number | boolean | null>>
>

/** What is known about the target when a request arrives. */
export interface RunnerKnowledge {
  readonly version: string
  /** Null if the model is not known from /api/show. */
  readonly model: KnownModel | null
}

const NOTHING_KNOWN: RunnerKnowledge = { version: ASSUMED_VERSION, model: null }

/** Affinity of all cloud models. They use no GPU, so they are always resident and change nothing about what is. */
export const CLOUD_AFFINITY = 'cloud'

/**
 * Normalises a model name. Ollama treats as one model: `X` and `x:latest`, the long names of its own registry, and
 * (since 0.17.8) `x:7b:local`.
 */
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

/**
 * Whether it is a cloud model: `x:cloud`, or a tag that ends with `-cloud`. An untagged `my-cloud` is a local model.
 */
export function isCloudModel(model: string): boolean {
  return /:(?:[^:/]*-)?cloud$/.test(model.trim().toLowerCase())
}

/**
 * The affinity of a request: its model and the settings that its runner must be started with, in a fixed order. Two
 * requests of one affinity never cause a reload. If the facts of the model are known, two requests that only spell the
 * same settings differently have one affinity.
 */
export function affinityOf(model: string, said: RunnerSettings = {}, known: RunnerKnowledge = NOTHING_KNOWN): string {
  if (isCloudModel(model)) return CLOUD_AFFINITY
  const name = known.model?.name ?? normaliseModel(model)
  const settings = known.model === null ? asSaid(said, known.version) : asStarted(said, known.model, known.version)
  return [name, ...settings.map(([setting, value]) => `${setting}=${String(value)}`)].join(' ')
}

type AffinitySetting = readonly [name: string, value: number | boolean]

const isSet = (value: number | boolean | null | undefined): value is number | boolean =>
  value !== undefined && value !== null

/** For an unknown model: all settings in the request that this version of Ollama looks at. */
function asSaid(said: RunnerSettings, version: string): AffinitySetting[] {
  const names = [...RUNNER_OPTIONS, 'shift' as const].filter((name) => reloads(name, version))
  return names.flatMap((name) => {
    const value = said[name]
    const isDefault = name === 'shift' && value === true && isSince(version, SHIFTS_BY_DEFAULT)
    return isSet(value) && !isDefault ? [[name, value] as const] : []
  })
}

const reloads = (name: string, version: string): boolean =>
  (name !== 'shift' && name !== 'draft_num_predict') || hasChange(version, 'llamaServer')

/** From 0.30.0 to this version the default of `shift` depended on num_ctx. */
const SHIFTS_BY_DEFAULT = '0.30.9'

/**
 * The settings that Ollama starts the runner with: from the request, else from the model, else the default, which is
 * left out.
 */
function asStarted(said: RunnerSettings, { facts }: KnownModel, version: string): AffinitySetting[] {
  const hasLlamaServer = hasChange(version, 'llamaServer')
  const effective = (name: (typeof RUNNER_OPTIONS)[number]): number | boolean | null =>
    said[name] ?? facts.parameters[name] ?? null
  const settings: [string, number | boolean][] = []
  const add = (name: string, value: number | boolean | null, isDefault = false): void => {
    if (isSet(value) && !isDefault) settings.push([name, value])
  }
  const numCtx = effective('num_ctx')
  add('num_ctx', typeof numCtx === 'number' ? contextOf(numCtx, facts, hasLlamaServer) : null)
  // Since 0.30 the default depends on the context length and on the free memory.
  add('num_batch', effective('num_batch'), effective('num_batch') === 512 && !hasLlamaServer)
  add('num_gpu', effective('num_gpu'), Number(effective('num_gpu')) < 0)
  add('main_gpu', effective('main_gpu'), effective('main_gpu') === 0 && !hasLlamaServer)
  add('use_mmap', effective('use_mmap'))
  add('num_thread', effective('num_thread'), effective('num_thread') === 0)
  if (!hasLlamaServer) return settings
  add('draft_num_predict', effective('draft_num_predict'), effective('draft_num_predict') === (facts.hasDraft ? 4 : 0))
  const { shift = null } = said
  add('shift', shift, isSince(version, SHIFTS_BY_DEFAULT) && shift === facts.shifts)
  return settings
}

/** At least 4, or 2048 for a vision model. Since 0.30 at most the length that the model was trained for. */
function contextOf(numCtx: number, { sees, trainedContext }: KnownModel['facts'], isCapped: boolean): number {
  const least = Math.max(numCtx, sees ? 2048 : 4)
  return isCapped && trainedContext !== null ? Math.min(least, trainedContext) : least
}

/** Returns the model part of an affinity. */
export const modelOfAffinity = (affinity: string): string => affinity.split(' ', 1)[0] ?? affinity

/** The models that the target holds in memory (resident models), as the queue's order needs them. */
export interface Residency {
  /** Affinity of the last job sent, as long as `/api/ps` shows its model; else null. */
  readonly affinity: string | null
  /**
   * Normalised names of other models in `/api/ps`, loaded by other programs. Each matches any affinity of its model.
   */
  readonly foreign: readonly string[]
}

/** What the next claim is chosen by. */
export interface Turn extends Residency {
  /** The drain clock; absent if draining has no limit. */
  readonly drain?: { readonly limitMs: number; readonly awakeNow: number }
}

export const NOTHING_RESIDENT: Residency = { affinity: null, foreign: [] }

/**
 * Residency after a probe. `shown`: the models of `/api/ps`; `lastSent`: the affinity of the last job sent. Ollama
 * shows a runner under the name that loaded it first, so each name counts for all names that share the runner.
 */
export function residencyAfter(
  shown: readonly string[],
  lastSent: string | null,
  embedModel: string | null,
  aliases: Aliases = NO_ALIASES,
): Residency {
  const models = shown.map((model) => aliases.canonical(normaliseModel(model)))
  const affinity = lastSent !== null && models.includes(modelOfAffinity(lastSent)) ? lastSent : null
  const own = affinity === null ? null : modelOfAffinity(affinity)
  const embedder = embedModel === null ? null : aliases.canonical(normaliseModel(embedModel))
  const foreign = models.filter((model) => model !== own && model !== embedder)
  return { affinity, foreign: [...new Set(foreign.flatMap((model) => [model, ...aliases.all(model)]))] }
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
  /** The awake clock when the oldest waiting job was submitted. */
  readonly oldestAwake: number
}

/**
 * Whether the queue switches from the resident affinity to that of the oldest job: the oldest job has waited for the
 * limit, and the resident affinity has been drained for as long since the last swap. Both are needed: "oldest first
 * once overdue" alone swaps at almost every job of a long backlog (271 loads for 300 jobs over 3 models; this rule 12;
 * without a limit 3).
 */
export const turnsToOldest = (bound: DrainBound): boolean => turnsInMs(bound) === 0

/** Milliseconds of the awake clock until the queue switches; null if it never does. */
export function turnsInMs({ limitMs, awakeNow, swappedAwake, oldestAwake }: DrainBound): number | null {
  return limitMs <= 0 ? null : Math.max(0, limitMs - (awakeNow - oldestAwake), limitMs - (awakeNow - swappedAwake))
}
