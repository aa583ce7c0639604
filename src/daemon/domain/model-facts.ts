// What /api/show tells of a model that decides whether its loaded runner can serve another request. Pure.
// Facts: Model.String (the lines of a modelfile, in their order) and scheduleRunner of Ollama 0.17.4 and 0.34.4.

export interface ModelFacts {
  /** The files of its runner, as the modelfile names them; null if it has none of its own (safetensors, cloud). */
  readonly files: string | null
  /** Runner options that the model brings itself (PARAMETER). */
  readonly parameters: Readonly<Record<string, number | boolean>>
  /** `<architecture>.context_length`; null if it is not told. */
  readonly trainedContext: number | null
  /** Such models get a context of at least 2048. */
  readonly sees: boolean
  /** It is an embedding model; since 0.30 no other one embeds. */
  readonly embeds: boolean
  /** It brings a draft model (DRAFT). */
  readonly hasDraft: boolean
  /** The context is shifted if a request does not say; only deepseek2 does otherwise. */
  readonly shifts: boolean
}

type ModelFields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is ModelFields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const textIn = (value: unknown): string => (typeof value === 'string' ? value : '')

const listIn = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** Reads the answer of /api/show; null if it is not one. */
export function readModelFacts(body: string): ModelFacts | null {
  const document = parsed(body)
  if (document === null || typeof document['modelfile'] !== 'string') return null
  const files = runnerLines(document['modelfile'])
  const info = isFields(document['model_info']) ? document['model_info'] : {}
  const details = isFields(document['details']) ? document['details'] : {}
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

function parsed(body: string): ModelFields | null {
  try {
    const document: unknown = JSON.parse(body)
    return isFields(document) ? document : null
  } catch {
    return null
  }
}

/** They stand before everything else, so that a template or a system prompt with such a line is not read. */
function runnerLines(modelfile: string): string[] {
  const lines = modelfile.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const end = lines.findIndex((line) => !/^(FROM|ADAPTER|DRAFT) /.test(line))
  return end < 0 ? lines : lines.slice(0, end)
}

/** `num_ctx    2048`, one a line; texts are quoted and none of a runner's. */
function readParameters(text: string): Record<string, number | boolean> {
  const values: Record<string, number | boolean> = {}
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = /^(\w+)\s+(\S+)\s*$/.exec(line) ?? []
    if (value === 'true' || value === 'false') values[name] = value === 'true'
    else if (value !== '' && Number.isFinite(Number(value))) values[name] = Math.trunc(Number(value))
  }
  return values
}

/** A model as the target has it now. */
export interface KnownModel {
  /** The name under which everything that shares its runner is grouped. */
  readonly name: string
  readonly facts: ModelFacts
}

/** Which names stand for one runner. */
export interface Aliases {
  /** The one name for all of them; the name itself if nothing is known of it. Normalised. */
  canonical(name: string): string
  /** All of them, the name included. Normalised. */
  all(name: string): readonly string[]
}

export const NO_ALIASES: Aliases = { canonical: (name) => name, all: (name) => [name] }
