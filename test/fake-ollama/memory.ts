// Loaded models of the fake: slots, evictions and reloads as in Ollama's scheduler, and the list of /api/ps. It counts loads, which
// foreman exists to keep few.

import { createHash } from 'node:crypto'

export interface Load {
  readonly model: string
  readonly numCtx: number
}

interface Resident extends Load {
  /** Set by the last request; negative means forever. */
  readonly keepAliveMs: number
  readonly users: number
}

const DEFAULT_KEEP_ALIVE_MS = 5 * 60_000
const DEFAULT_NUM_CTX = 4096
/** Ollama's date for "forever". */
const FOR_EVER = '2319-03-03T03:09:29.452216955Z'

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Reads it as Ollama does: a number is seconds, a string is a Go duration, and a negative one means forever. */
export function keepAliveMs(value: unknown): number | null {
  if (typeof value === 'number') return value < 0 ? Number.POSITIVE_INFINITY : value * 1000
  if (typeof value !== 'string') return null
  if (value.startsWith('-')) return Number.POSITIVE_INFINITY
  const parts = [...value.matchAll(/([\d.]+)(ms|s|m|h)/g)]
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? ''] ?? 0), 0)
}

export const digestOf = (model: string): string => createHash('sha256').update(model).digest('hex')

export class Memory {
  readonly slots: number
  /** All loads, in order. */
  readonly loads: Load[] = []
  #residents: Resident[] = []
  #freed: (() => void)[] = []

  constructor(slots: number) {
    this.slots = slots
  }

  get models(): string[] {
    return this.#residents.map(({ model }) => model)
  }

  isLoaded(model: string, numCtx: number | null): boolean {
    const resident = this.#residents.find((candidate) => candidate.model === model)
    return resident !== undefined && (numCtx === null || numCtx === resident.numCtx)
  }

  /** Whether there is room, or an idle model that can be evicted. */
  hasRoomFor(model: string): boolean {
    const others = this.#residents.filter((resident) => resident.model !== model)
    const own = this.#residents.find((resident) => resident.model === model)
    return (own?.users ?? 0) === 0 && (others.length < this.slots || others.some(({ users }) => users === 0))
  }

  /** Resolves when a request has finished with a model. */
  freed(): Promise<void> {
    return new Promise((resolve) => this.#freed.push(resolve))
  }

  /** Loads the model. Without room for it, it first evicts the model with the shortest keep_alive. */
  load(model: string, numCtx: number | null): void {
    const others = this.#residents.filter((resident) => resident.model !== model)
    while (others.length >= this.slots) {
      const idle = others.filter(({ users }) => users === 0).sort((a, b) => a.keepAliveMs - b.keepAliveMs)
      const victim = idle[0]
      if (victim === undefined) break
      others.splice(others.indexOf(victim), 1)
    }
    const load = { model, numCtx: numCtx ?? DEFAULT_NUM_CTX }
    this.loads.push(load)
    this.#residents = [...others, { ...load, keepAliveMs: DEFAULT_KEEP_ALIVE_MS, users: 0 }]
  }

  unload(model: string): void {
    this.#residents = this.#residents.filter((resident) => resident.model !== model)
  }

  clear(): void {
    this.#residents = []
  }

  use(model: string, keepAlive: number | null): void {
    this.#change(model, (resident) => ({
      ...resident,
      users: resident.users + 1,
      keepAliveMs: keepAlive ?? resident.keepAliveMs,
    }))
  }

  leave(model: string): void {
    this.#change(model, (resident) => ({ ...resident, users: Math.max(0, resident.users - 1) }))
    for (const resolve of this.#freed.splice(0)) resolve()
  }

  /** The body of /api/ps. */
  ps(): string {
    const soonest = [...this.#residents].sort((a, b) => b.keepAliveMs - a.keepAliveMs)
    const models = soonest.map(({ model, numCtx, keepAliveMs: ms }) => ({
      name: model,
      model,
      size: 1_511_680,
      digest: digestOf(model),
      details: DETAILS,
      expires_at: Number.isFinite(ms) ? new Date(Date.now() + ms).toISOString() : FOR_EVER,
      size_vram: 0,
      context_length: numCtx,
    }))
    return JSON.stringify({ models })
  }

  #change(model: string, change: (resident: Resident) => Resident): void {
    this.#residents = this.#residents.map((resident) => (resident.model === model ? change(resident) : resident))
  }
}

const DETAILS = {
  parent_model: '',
  format: 'gguf',
  family: 'llama',
  families: ['llama'],
  parameter_size: '149K',
  quantization_level: 'unknown',
}

/** The body of /api/tags. */
export function tagsOf(models: readonly string[]): string {
  return JSON.stringify({
    models: models.map((model) => ({
      name: model,
      model,
      modified_at: '2026-01-06T12:00:00.065381342Z',
      size: 611_291,
      digest: digestOf(model),
      details: DETAILS,
    })),
  })
}
