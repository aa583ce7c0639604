// Requests of the demo: which caller asks what and when, and how long the simulation takes for it. None of these
// answers comes from a model.

export interface Ask {
  readonly number: number
  readonly who: string
  /** `openai` callers use /v1/chat/completions, the others /api/chat through Ollama's own client. */
  readonly speaks: 'ollama' | 'openai'
  readonly model: string
  readonly prompt: string
  readonly answer: string
}

/** How long the simulated machine takes to load a model, write a token and embed a text. */
export const LOAD_MS = 2_400
export const TOKEN_MS = 34
export const EMBED_MS = 4

export const EMBEDDER = 'nomic-embed-text:latest'
export const MODELS = ['qwen3:8b', 'gemma3:4b', 'llama3.2:3b'] as const

/** Interval between two requests, and between two embeddings. */
export const ASK_EVERY_MS = 160
export const EMBED_EVERY_MS = 250

const CAST = [
  { who: 'editor', speaks: 'openai', model: MODELS[0], about: 'names a function, a variable and a test' },
  { who: 'chat', speaks: 'ollama', model: MODELS[1], about: 'says why the sky is blue, and the sea' },
  { who: 'notes', speaks: 'ollama', model: MODELS[2], about: 'sums up a page of notes in one line' },
  { who: 'editor', speaks: 'openai', model: MODELS[0], about: 'explains an error message' },
  { who: 'mail', speaks: 'ollama', model: MODELS[1], about: 'drafts a short and polite refusal' },
  { who: 'notes', speaks: 'ollama', model: MODELS[2], about: 'finds a title for today’s meeting' },
] as const

const WORDS = 'these words come one by one from a simulation, as tokens would from a model, and no model runs here'

export const ASKS: readonly Ask[] = Array.from({ length: 12 }, (_, index) => {
  const { who, speaks, model, about } = CAST[index % CAST.length] as (typeof CAST)[number]
  const number = index + 1
  return {
    number,
    who,
    speaks,
    model,
    prompt: `#${number} ${about}`,
    answer: `[simulated] ${about}; ${WORDS}`,
  }
})

export const tokensOf = (answer: string): string[] => answer.match(/\S+\s*/g) ?? []

/** Returns the request with this prompt. */
export function askOf(prompt: string): Ask | undefined {
  return ASKS.find(({ number }) => prompt.startsWith(`#${number} `))
}

/** Returns how long the simulation would take for these requests in this order, with memory for one model. */
export function timeOf(asks: readonly Ask[]): { ms: number; loads: number } {
  const loads = asks.filter(({ model }, index) => model !== asks[index - 1]?.model).length
  const tokens = asks.reduce((sum, { answer }) => sum + tokensOf(answer).length, 0)
  return { loads, ms: loads * LOAD_MS + tokens * TOKEN_MS }
}
