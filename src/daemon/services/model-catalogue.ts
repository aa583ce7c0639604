// Facts about the target's models: read from /api/show once for each digest, after a probe, one at a time. It decides
// nothing. While a model is unknown, its requests are grouped by the options that they carry.

import { normaliseModel } from '../domain/affinity.ts'
import { type Aliases, type KnownModel, type ModelFacts, readModelFacts } from '../domain/model-facts.ts'
import { hasChange } from '../domain/ollama-version.ts'
import type { TargetStatus } from '../domain/target-status.ts'
import type { Target } from '../ollama/target.ts'
import type { Log } from '../runtime/log.ts'

/** A target with more models than this is asked about the first ones only. */
const MAX_MODELS = 500

export class ModelCatalogue implements Aliases {
  readonly #target: Target
  readonly #log: Log
  /** FOREMAN_EMBED_MODEL. */
  readonly #embedModel: string | null
  /** Version and digest for which the embedder warning was logged last. */
  #warned = ''
  /** By digest; null if the answer could not be read. */
  readonly #facts = new Map<string, ModelFacts | null>()
  /** By normalised name. */
  #known: ReadonlyMap<string, KnownModel> = new Map()
  #names: ReadonlyMap<string, readonly string[]> = new Map()
  /** By model files: the first name seen for them. It stays when another name is added for the same files. */
  readonly #canonical = new Map<string, string>()
  #status: TargetStatus | null = null
  #reading: Promise<void> | null = null
  #stopped = false

  constructor(target: Target, log: Log, embedModel: string | null) {
    this.#embedModel = embedModel
    this.#target = target
    this.#log = log
  }

  /** Returns null if nothing is known of the model. */
  of(model: string): KnownModel | null {
    return this.#known.get(normaliseModel(model)) ?? null
  }

  canonical(name: string): string {
    return this.#known.get(name)?.name ?? name
  }

  all(name: string): readonly string[] {
    return this.#names.get(this.canonical(name)) ?? [name]
  }

  /** A probe has ended. */
  saw(status: TargetStatus): void {
    this.#status = status
    if (status.reachable !== true || this.#stopped) return
    this.#index()
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null
    })
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#reading
  }

  async #read(): Promise<void> {
    for (;;) {
      const next = this.#missing()
      if (next === null) return
      const body = await this.#target.show(next.name)
      // The target was not reached; asked again after the next probe.
      if (body === null) return
      this.#facts.set(next.digest, readModelFacts(body))
      this.#index()
      this.#log.trace({ model: next.name }, 'model facts read')
    }
  }

  #missing(): { readonly name: string; readonly digest: string } | null {
    const { inventory, reachable } = this.#status ?? {}
    if (this.#stopped || reachable !== true || inventory === null || inventory === undefined) return null
    const models = [...inventory.installed.values()].slice(0, MAX_MODELS)
    return models.find(({ digest }) => digest !== '' && !this.#facts.has(digest)) ?? null
  }

  #index(): void {
    const installed = this.#status?.inventory?.installed ?? new Map()
    const digests = new Set([...installed.values()].map(({ digest }) => digest))
    for (const digest of this.#facts.keys()) if (!digests.has(digest)) this.#facts.delete(digest)
    const known = new Map<string, KnownModel>()
    const names = new Map<string, string[]>()
    for (const [name, { digest }] of installed) {
      const facts = this.#facts.get(digest) ?? null
      if (facts === null) continue
      const canonical = this.#canonicalOf(name, facts)
      known.set(name, { name: canonical, facts })
      names.set(canonical, [...(names.get(canonical) ?? []), name])
    }
    this.#known = known
    this.#checkEmbedder()
    this.#names = names
    const files = new Set([...known.values()].map(({ facts }) => facts.files))
    for (const file of this.#canonical.keys()) if (!files.has(file)) this.#canonical.delete(file)
  }

  /**
   * Warns if FOREMAN_EMBED_MODEL is not an embedding model. The pin alone would not show it, because an empty embedding
   * request loads a chat model too.
   */
  #checkEmbedder(): void {
    const model = this.#embedModel
    const { inventory } = this.#status ?? {}
    if (model === null || inventory === null || inventory === undefined) return
    const { version, installed } = inventory
    const facts = this.of(model)?.facts
    const found = `${version} ${installed.get(normaliseModel(model))?.digest}`
    if (facts === undefined || facts.embeds || !hasChange(version, 'llamaServer') || found === this.#warned) return
    this.#warned = found
    this.#log.warn(
      { embedder: model, version },
      'FOREMAN_EMBED_MODEL is not an embedding model, and since 0.30 Ollama answers 501 to embeddings by other models: name a model whose capabilities (ollama show) include "embedding"',
    )
  }

  #canonicalOf(name: string, { files }: ModelFacts): string {
    if (files === null) return name
    const first = this.#canonical.get(files) ?? name
    this.#canonical.set(files, first)
    return first
  }
}
