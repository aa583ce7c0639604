// Request and answer of the embedding benches: one request, one answer of 768 numbers, and the inventory that foreman
// must see before it accepts a target.

import { post } from './caller.ts'
import { type Nginx, startCannedTarget } from './nginx.ts'

const embedding = Array.from({ length: 768 }, (_, index) => Number((Math.sin(index + 1) / 16).toPrecision(8)))

const model = {
  name: 'bench:latest',
  model: 'bench:latest',
  modified_at: '2026-01-01T00:00:00Z',
  size: 1,
  digest: 'b'.repeat(64),
  details: { format: 'gguf', family: 'llama', families: ['llama'], parameter_size: '1', quantization_level: 'F16' },
}

const ANSWERS = {
  '/api/embed': JSON.stringify({
    model: 'bench',
    embeddings: [embedding],
    total_duration: 14_143_917,
    load_duration: 1_019_500,
    prompt_eval_count: 8,
  }),
  '/api/tags': JSON.stringify({ models: [model] }),
  '/api/ps': JSON.stringify({ models: [] }),
  '/api/version': JSON.stringify({ version: '0.17.4' }),
}

/** A target fast enough not to limit the measurement: nginx with one canned answer. */
export const startEmbeddingTarget = (): Promise<Nginx> => startCannedTarget(ANSWERS)

export const embeddingRequest = (port: number): Buffer =>
  post(port, '/api/embed', { model: 'bench', input: 'The quick brown fox jumps over the lazy dog. '.repeat(4) })
