// A model name is valid if the target's version of Ollama accepts it. Invalid names get the same error as from Ollama.

import { expect, test } from 'vitest'
import type { EndpointPath } from '../../src/daemon/domain/endpoint.ts'
import { read, refused, SETTINGS, taken } from './reading.ts'

const host = (length: number): string => `${'h'.repeat(length)}/n/m:t`
test.each([
  'a',
  '_',
  'A-b_c.d:E-f_g.h',
  'library/a',
  'hf.co/some-one/Model-GGUF:Q4_K_M',
  'http://localhost:11434/n/m',
  'registry.ollama.ai/library/a:latest',
  'x'.repeat(80),
  host(350),
])('%s is valid', (model) => expect(taken(read('/api/chat', JSON.stringify({ model }))).model).toBe(model))

test.each([
  '-a',
  '.a',
  'a b',
  ' a',
  'a:',
  ':a',
  'a:b:c',
  '/a',
  'a/',
  'a//b',
  'a/b.c/d.e/f g',
  'n.s/m',
  'a@b',
  'ä',
  'a\n',
  'a\u0000',
  '..',
  '../a',
  'a/../b',
  'x'.repeat(81),
  `a:${'x'.repeat(81)}`,
  host(351),
  'registry.ollama.ai//a',
])('%j is invalid', (model) => {
  const body = JSON.stringify({ model, prompt: 'x' })
  expect(refused(read('/api/chat', body))).toEqual({ status: 400, message: 'model is required', code: null })
  expect(refused(read('/api/generate', body))).toEqual({
    status: 404,
    message: `model '${model}' not found`,
    code: null,
  })
})

const newer = { ...SETTINGS, version: '0.18.2' }
test.each(['gpt-oss:20b:cloud', 'gpt-oss:20b:local', 'gpt-oss:20b-cloud', ' a ', 'a:LOCAL'])(
  'since Ollama 0.17.8 %j is valid',
  (model) => expect(taken(read('/api/chat', JSON.stringify({ model }), {}, newer)).model).toBe(model),
)

test.each<[EndpointPath, string, number, string]>([
  ['/api/chat', 'a b', 400, 'invalid model name'],
  ['/api/generate', 'a b', 400, 'invalid model name'],
  ['/v1/completions', 'a b', 400, 'invalid model name'],
  ['/api/chat', '', 400, 'model is required'],
  ['/api/generate', '', 404, "model '' not found"],
  ['/api/generate', '  ', 404, "model '  ' not found"],
  ['/api/chat', 'x:cloud:local', 400, 'use either :local or :cloud, not both: "x:cloud:local"'],
])('since Ollama 0.17.8 %s answers %j with %i %s', (endpoint, model, status, message) => {
  expect(refused(read(endpoint, JSON.stringify({ model, prompt: 'x' }), {}, newer))).toEqual({
    status,
    message,
    code: null,
  })
})
