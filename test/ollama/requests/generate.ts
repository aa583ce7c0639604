// Requests to /api/generate that a model answers or Ollama refuses.

import { ANSWER_SCHEMA, changed, PIXEL, posted, type Row, SAME_EACH_TIME } from './row.ts'

const PATH = '/api/generate'
const generate = { model: 'tiny-b', prompt: 'hello there', options: SAME_EACH_TIME }
const whole = { ...generate, stream: false }

export const GENERATE: readonly Row[] = [
  posted('a streamed completion', 200, PATH, generate),
  posted('a completion in one piece', 200, PATH, whole),
  posted('a completion with a system prompt', 200, PATH, { ...whole, system: 'be brief' }),
  posted('a completion with a template of its own', 200, PATH, { ...whole, template: '{{ .Prompt }}!' }),
  posted('a completion with a broken template', 500, PATH, { ...whole, template: '{{ .Prompt' }),
  posted('a raw completion', 200, PATH, { ...generate, raw: true }),
  posted('a raw completion with a template', 400, PATH, { ...generate, raw: true, template: 'x' }),
  posted('a raw completion with a system prompt', 400, PATH, { ...generate, raw: true, system: 'x' }),
  posted('a raw completion with a context', 400, PATH, { ...generate, raw: true, context: [1] }),
  posted('a completion that goes on from a context', 200, PATH, { ...whole, context: [259, 344, 342] }),
  posted('a completion of a gap, by a model that cannot', 400, PATH, { ...generate, suffix: 'the end' }),
  posted('a completion with an image, by a model that cannot see', changed(200, '0.30.0', 400), PATH, {
    ...generate,
    images: [PIXEL],
  }),
  posted('a completion that wants JSON', 200, PATH, { ...generate, format: 'json' }),
  posted('a completion that wants JSON of a schema', 200, PATH, { ...whole, format: ANSWER_SCHEMA }),
  posted('a completion with log probabilities', 200, PATH, { ...whole, logprobs: true, top_logprobs: 1 }),
  posted('a completion with too many log probabilities', 400, PATH, { ...whole, top_logprobs: 99 }),
  posted('a completion that is to think, by a model that cannot', 400, PATH, { ...generate, think: true }),
  posted('a completion that is to think hard, by a model that cannot', 400, PATH, { ...generate, think: 'low' }),
  posted('a completion of which only the prompt is to be shown', 200, PATH, { ...whole, _debug_render_only: true }),
  posted('a completion that only loads', 200, PATH, { model: 'tiny-b' }),
  posted('a completion that loads for a while', 200, PATH, { model: 'tiny-b', prompt: '', keep_alive: '10m' }),
  posted('a completion that loads for ever', 200, PATH, { model: 'tiny-b', keep_alive: -1 }),
  posted('a completion that only unloads', 200, PATH, { model: 'tiny-b', keep_alive: 0 }),
  posted('a completion that unloads what is not loaded', 200, PATH, { model: 'tiny-b', keep_alive: '0' }),
  posted('a completion with an invalid keep_alive', 400, PATH, { ...generate, keep_alive: 'soon' }),
  posted('a completion with a keep_alive of a wrong type', 400, PATH, { ...generate, keep_alive: {} }),
  posted('a completion with a model that is not installed', 404, PATH, { ...generate, model: 'nope' }),
  posted('a completion with a model of a bad name', changed(404, '0.17.8', 400), PATH, { ...generate, model: 'a b' }),
  posted('a completion with an empty model', 404, PATH, { ...generate, model: '' }),
  posted('a completion without a model', 404, PATH, { prompt: 'hello' }),
  posted('a completion with nothing at all', 404, PATH, {}),
  posted('a completion with an embedding model', 400, PATH, { ...generate, model: 'tiny-embed' }),
]
