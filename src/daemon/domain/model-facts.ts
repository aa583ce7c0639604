// Facts about a model from /api/show: they decide whether its loaded runner can serve another request. Pure.
// Sources: Model.String (the lines of a modelfile, in order) and scheduleRunner of Ollama 0.17.4 and 0.34.4.

import { isJsonObject, type JsonDocument, jsonObject } from '../../protocol/json.ts'

export interface ModelFacts {
  /** Files of its runner, as the modelfile names them; null if it has none (safetensors, cloud). */
  readonly files: string | null
  /** Runner options set by the model itself (PARAMETER). */
  readonly parameters: Readonly<Record<string, number | boolean>>
  /** `<architecture>.context_length`; null if missing. */
  readonly trainedContext: number | null
  /** A vision model. Its context is at least 2048. */
  readonly sees: boolean
  /** An embedding model. Since 0.30 only these can embed. */
  readonly embeds: boolean
  /** It has a draft model (DRAFT). */
  readonly hasDraft: boolean
  /** Default of `shift`: true except for deepseek2. */
  readonly shifts: boolean
}

const objectIn = (value: unknown): JsonDocument => (isJsonObject(value) ? value : {})

const textIn = (value: unknown): string => (typeof value === 'string' ? value : '')

const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** Parses the answer of /api/show; null if it is invalid. */
export function readModelFacts(body: string): ModelFacts | null {
  const document = jsonObject(body)
  if (typeof document?.['modelfile'] !== 'string') return null
  const files = runnerLines(document['modelfile'])
  const info = objectIn(document['model_info'])
  const details = objectIn(document['details'])
  const trained = info[`${textIn(info['general.architecture'])}.context_length`]
  return {
    files: files.some((line) => line.includes('sha256-')) ? files.join('\n') : null,
    parameters: readParameters(textIn(document['parameters'])),
    trainedContext: typeof trained === 'number' && trained > 0 ? trained : null,
    sees: listIn(document['capabilities']).includes('vision'),
    embeds: listIn(document['capabilities']).includes('embedding'),
    hasDraft: files.some((line) => line.startsWith('DRAFT ')),
    shifts: details['family'] !== 'deepseek2' && !listIn(details['families']).includes('deepseek2'),
  }
}

/**
 * These lines come before all others. Reading stops at the first other line, because a template or a system prompt may
 * contain a line that looks like them.
 */
function runnerLines(modelfile: string): string[] {
  const lines = modelfile.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const end = lines.findIndex((line) => !/^(FROM|ADAPTER|DRAFT) /.test(line))
  return end < 0 ? lines : lines.slice(0, end)
}

/** Parses lines such as `num_ctx    2048`. Quoted texts are not runner options. */
function readParameters(text: string): Record<string, number | boolean> {
  const values: Record<string, number | boolean> = {}
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = /^(\w+)\s+(\S+)\s*$/.exec(line) ?? []
    if (value === 'true' || value === 'false') values[name] = value === 'true'
    else if (value !== '' && Number.isFinite(Number(value))) values[name] = Math.trunc(Number(value))
  }
  return values
}

/** A model that the target has now. */
export interface KnownModel {
  /** The name under which all models with the same runner are grouped. */
  readonly name: string
  readonly facts: ModelFacts
}

/** Names that share one runner. All names are normalised. */
export interface Aliases {
  /** The name that stands for all of them; the name itself if nothing is known about it. */
  canonical(name: string): string
  /** All of them, including the name itself. */
  all(name: string): readonly string[]
}

export const NO_ALIASES: Aliases = { canonical: (name) => name, all: (name) => [name] }
