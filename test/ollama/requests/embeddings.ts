// The requests for embeddings, in each of the three dialects.

import { changed, posted, type Row } from './row.ts'

const model = 'tiny-embed'
const tooLong = 'word '.repeat(4000)

export const EMBEDDINGS: readonly Row[] = [
  posted('an embedding of a text', 200, '/api/embed', { model, input: 'hello' }),
  posted('embeddings of several texts', 200, '/api/embed', { model, input: ['hello', 'there', ''] }),
  posted('an embedding of few dimensions', 200, '/api/embed', { model, input: 'hello', dimensions: 4 }),
  posted('an embedding of nothing', 200, '/api/embed', { model, input: [] }),
  posted('an embedding without an input', 200, '/api/embed', { model }),
  posted('an embedding of a number', 400, '/api/embed', { model, input: 5 }),
  posted('an embedding of a list of numbers', 400, '/api/embed', { model, input: [5] }),
  posted('an embedding of what is cut because it is too long', 200, '/api/embed', { model, input: tooLong }),
  posted('an embedding of what is too long and must not be cut', 400, '/api/embed', {
    ...{ model, input: tooLong, truncate: false },
  }),
  posted('an embedding with options', 200, '/api/embed', { model, input: 'hello', options: { num_ctx: 256 } }),
  posted('an embedding with a keep_alive', 200, '/api/embed', { model, input: 'hello', keep_alive: '5m' }),
  posted('an embedding by a model that is not installed', 404, '/api/embed', { model: 'nope', input: 'hello' }),
  posted('an embedding by no model', changed(500, '0.18.0', 404), '/api/embed', { input: 'hello' }),
  posted('an embedding by a model of a bad name', changed(500, '0.17.8', 400), '/api/embed', {
    model: 'a b',
    input: 'hello',
  }),

  posted('an old embedding', 200, '/api/embeddings', { model, prompt: 'hello' }),
  posted('an old embedding of nothing', 200, '/api/embeddings', { model, prompt: '' }),
  posted('an old embedding of what is too long', 500, '/api/embeddings', { model, prompt: tooLong }),
  posted('an old embedding by a model that is not installed', 404, '/api/embeddings', { model: 'nope', prompt: 'x' }),
  posted('an old embedding by no model', 400, '/api/embeddings', { prompt: 'x' }),

  posted('an embedding for OpenAI', 200, '/v1/embeddings', { model, input: 'hello' }),
  posted('embeddings for OpenAI', 200, '/v1/embeddings', { model, input: ['hello', 'there'] }),
  posted('an embedding for OpenAI in base64', 200, '/v1/embeddings', { model, input: 'a', encoding_format: 'base64' }),
  posted('an embedding for OpenAI in a strange form', 400, '/v1/embeddings', {
    model,
    input: 'a',
    encoding_format: 'x',
  }),
  posted('an embedding for OpenAI of few dimensions', 200, '/v1/embeddings', { model, input: 'a', dimensions: 3 }),
  posted('an embedding for OpenAI of nothing', 200, '/v1/embeddings', { model, input: '' }),
  posted('an embedding for OpenAI without an input', 400, '/v1/embeddings', { model }),
  posted('an embedding for OpenAI by a model that is not installed', 404, '/v1/embeddings', {
    model: 'no',
    input: 'a',
  }),
  posted('an embedding for OpenAI by no model', changed(500, '0.18.0', 404), '/v1/embeddings', { input: 'hello' }),
]
