// Inventory of the target: parses its three documents, and renders the `/v1/models` answers as Ollama's middleware
// writes them. Pure. The native documents are kept byte for byte.

import { isJsonObject, type JsonDocument, jsonObject } from '../../protocol/json.ts'
import { goJson } from '../text/json.ts'
import { normaliseModel } from './affinity.ts'
import type { InstalledModel, Inventory, ResidentModel, Snapshot } from './target-status.ts'

/**
 * Returns null if one of the documents is not from Ollama. `probedAt` is Clock.monotonic(), `probedWall` Clock.now().
 */
export function readInventory({ tags, ps, version }: Snapshot, probedAt: number, probedWall: number): Inventory | null {
  const listed = modelsIn(tags)
  const resident = readResident(ps)
  if (listed === null || resident === null) return null
  const installed = new Map(
    listed.map((fields) => readInstalled(fields)).map((model) => [normaliseModel(model.name), model]),
  )
  return { tags, ps, version, installed, resident, probedAt, probedWall }
}

/** Returns the models of `/api/ps`; null if the document is invalid. */
export function readResident(ps: Buffer): readonly ResidentModel[] | null {
  const listed = modelsIn(ps)
  if (listed === null) return null
  return listed.map((fields) => ({
    name: nameOf(fields),
    size: typeof fields['size'] === 'number' ? fields['size'] : 0,
    sizeVram: typeof fields['size_vram'] === 'number' ? fields['size_vram'] : 0,
    contextLength: typeof fields['context_length'] === 'number' ? fields['context_length'] : null,
    expiresAt: text(fields['expires_at']),
  }))
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

const nameOf = (fields: JsonDocument): string => text(fields['name']) || text(fields['model'])

const readInstalled = (fields: JsonDocument): InstalledModel => ({
  name: nameOf(fields),
  digest: text(fields['digest']),
  modifiedAt: text(fields['modified_at']),
})

/** Returns the named entries of `{"models": […]}`. Go writes an empty list as `null`. */
function modelsIn(body: Buffer): readonly JsonDocument[] | null {
  const models = jsonObject(body.toString('utf8'))?.['models']
  if (models === null) return []
  return Array.isArray(models) ? models.filter(isJsonObject).filter((fields) => nameOf(fields) !== '') : null
}

/**
 * The body of `/v1/models`, with its newline. Without models the list is `null`, as Go writes an empty one
 * (middleware/openai.go 0.17.4).
 */
export function modelList(inventory: Inventory | null): string {
  const models = [...(inventory?.installed.values() ?? [])].map((model) => modelDocument(model.name, model))
  return `${goJson({ object: 'list', data: models.length === 0 ? null : models })}\n`
}

/** The body of `/v1/models/{asked}`; null if the model is not installed. The name is returned as it was requested. */
export function modelAnswer(asked: string, inventory: Inventory | null): string | null {
  const model = inventory?.installed.get(normaliseModel(asked))
  return model === undefined ? null : `${goJson(modelDocument(asked, model))}\n`
}

const modelDocument = (id: string, { modifiedAt }: InstalledModel) => ({
  id,
  object: 'model',
  created: unixSeconds(modifiedAt),
  owned_by: namespaceOf(id),
})

/** `0001-01-01T00:00:00Z`: Go's value for a missing time. */
const GO_ZERO_TIME = -62_135_596_800

function unixSeconds(time: string): number {
  const ms = Date.parse(time)
  return Number.isNaN(ms) ? GO_ZERO_TIME : Math.floor(ms / 1000)
}

/** Returns the part before the model's own name (types/model/name.go ParseName). */
function namespaceOf(name: string): string {
  const end = name.lastIndexOf('/')
  if (end < 0) return 'library'
  return name.slice(name.lastIndexOf('/', end - 1) + 1, end) || 'library'
}
