// Tests of affinity: which requests share a loaded model, what counts as resident, and when the drain changes models.

import { describe, expect, it } from 'vitest'
import {
  affinityOf,
  isCloudModel,
  isResident,
  normaliseModel,
  type RunnerSettings,
  residencyAfter,
  turnsToOldest,
} from '../../src/daemon/domain/affinity.ts'
import { type ModelFacts, readModelFacts } from '../../src/daemon/domain/model-facts.ts'

describe('a model name', () => {
  it.each([
    ['tiny-a', 'tiny-a:latest'],
    ['Tiny-A', 'tiny-a:latest'],
    ['tiny-a:latest', 'tiny-a:latest'],
    ['qwen3:14b', 'qwen3:14b'],
    ['library/qwen3:14b', 'qwen3:14b'],
    ['registry.ollama.ai/library/qwen3:14b', 'qwen3:14b'],
    ['qwen3:14b:local', 'qwen3:14b'],
    ['hf.co/some/model', 'hf.co/some/model:latest'],
    ['localhost:5000/some/model', 'localhost:5000/some/model:latest'],
  ])('%s is normalized to %s', (written, name) => {
    expect(normaliseModel(written)).toBe(name)
  })
})

describe('the affinity of a job', () => {
  it('is the same for every spelling of a model', () => {
    expect(affinityOf('TINY-A', {})).toBe(affinityOf('tiny-a:latest'))
  })
  it.each(['num_ctx', 'num_batch', 'num_gpu', 'main_gpu', 'use_mmap', 'num_thread'])('differs by %s', (option) => {
    expect(affinityOf('tiny-a', { [option]: 1 })).not.toBe(affinityOf('tiny-a'))
    expect(affinityOf('tiny-a', { [option]: 1 })).not.toBe(affinityOf('tiny-a', { [option]: 2 }))
  })
  it('does not depend on the order of the options', () => {
    expect(affinityOf('a', { num_gpu: 1, num_ctx: 2 })).toBe(affinityOf('a', { num_ctx: 2, num_gpu: 1 }))
  })
  it('is one for all cloud models', () => {
    expect(affinityOf('gpt-oss:120b-cloud')).toBe(affinityOf('other:cloud', { num_ctx: 1 }))
    expect(isCloudModel('gpt-oss:120b-cloud')).toBe(true)
    expect(isCloudModel('cloud')).toBe(false)
    expect(isCloudModel('my-cloud')).toBe(false)
    expect(isCloudModel('me:8080/my-cloud')).toBe(false)
    expect(isCloudModel('cloudy:latest')).toBe(false)
  })
})

describe('the affinity of a model with known facts', () => {
  const FACTS: ModelFacts = {
    ...{ files: 'FROM /m/sha256-1', parameters: { num_ctx: 2048, num_thread: 1 }, trainedContext: 8192 },
    ...{ sees: false, embeds: false, hasDraft: false, shifts: true },
  }
  const of = (said: RunnerSettings, version = '0.34.4', facts: Partial<ModelFacts> = {}) =>
    affinityOf('copy-a', said, { version, model: { name: 'tiny-a:latest', facts: { ...FACTS, ...facts } } })

  it("has the name of all models that share its runner, and the model's own options", () => {
    expect(of({})).toBe('tiny-a:latest num_ctx=2048 num_thread=1')
  })

  const SAME: readonly (readonly [what: string, a: RunnerSettings, b: RunnerSettings, version?: string])[] = [
    ["the model's own num_ctx", { num_ctx: 2048 }, {}],
    ['a num_ctx above what it was trained for', { num_ctx: 16_384 }, { num_ctx: 8192 }],
    ['a num_ctx of next to nothing', { num_ctx: 2 }, { num_ctx: 4 }],
    ['a num_gpu of -1', { num_gpu: -1 }, {}],
    ["the model's own num_thread", { num_thread: 1 }, {}],
    ['a num_batch of 512 before 0.30', { num_batch: 512 }, {}, '0.24.0'],
    ['a main_gpu of 0 before 0.30', { main_gpu: 0 }, {}, '0.24.0'],
    ['a draft_num_predict of 0', { draft_num_predict: 0 }, {}],
    ['a shift of true', { shift: true }, {}],
    ['a shift of false before 0.30', { shift: false }, {}, '0.24.0'],
    ['a draft_num_predict before 0.30', { draft_num_predict: 8 }, {}, '0.24.0'],
    ['a null', { num_ctx: null }, {}],
  ]
  it.for(SAME)('is the same with %s', ([, a, b, version]) => expect(of(a, version)).toBe(of(b, version)))

  const OTHER: readonly (readonly [what: string, a: RunnerSettings, b: RunnerSettings, version?: string])[] = [
    ['another num_ctx', { num_ctx: 1024 }, {}],
    ['a num_ctx above what it was trained for, before 0.30', { num_ctx: 16_384 }, { num_ctx: 8192 }, '0.24.0'],
    ['a num_thread of 0, where the model brings another', { num_thread: 0 }, {}],
    ['a num_batch of 512 since 0.30', { num_batch: 512 }, {}],
    ['a main_gpu of 0 since 0.30', { main_gpu: 0 }, {}],
    ['a draft_num_predict of 4', { draft_num_predict: 4 }, {}],
    ['a shift of false', { shift: false }, {}],
    ['a shift of true where its default depended on num_ctx', { shift: true }, {}, '0.30.4'],
  ]
  it.for(OTHER)('differs with %s', ([, a, b, version]) => expect(of(a, version)).not.toBe(of(b, version)))

  it('has the defaults of vision and draft models, and of models without context shift', () => {
    expect(of({ num_ctx: 512 }, '0.34.4', { sees: true })).toBe(of({ num_ctx: 2048 }))
    expect(of({ draft_num_predict: 4 }, '0.34.4', { hasDraft: true })).toBe(of({}))
    expect(of({ shift: false }, '0.34.4', { shifts: false })).toBe(of({}))
  })
})

describe('the affinity of a model without known facts', () => {
  const of = (said: RunnerSettings, version: string) => affinityOf('a', said, { version, model: null })

  it('differs by shift and draft_num_predict since Ollama 0.30', () => {
    expect(of({ shift: false }, '0.30.0')).not.toBe(of({}, '0.30.0'))
    expect(of({ draft_num_predict: 4 }, '0.34.4')).not.toBe(of({}, '0.34.4'))
    expect(of({ shift: true }, '0.34.4')).toBe(of({}, '0.34.4'))
    expect(of({ shift: false, draft_num_predict: 4 }, '0.24.0')).toBe(of({}, '0.24.0'))
  })
})

describe('model facts', () => {
  const modelfile =
    '# Modelfile\n# FROM x\n\nFROM /m/sha256-1\nADAPTER /m/sha256-2\nDRAFT /m/sha256-3\nFROM /m/sha256-4\nTEMPLATE """a\nFROM b"""\n'
  const shown = {
    ...{
      modelfile,
      parameters: 'num_ctx      2048\nstop    "x"\nuse_mmap  false\nnum_thread 1',
      capabilities: ['vision'],
    },
    ...{ details: { families: ['deepseek2'] }, model_info: { 'general.architecture': 'x', 'x.context_length': 8192 } },
  }

  it('are read from /api/show', () => {
    expect(readModelFacts(JSON.stringify(shown))).toEqual({
      files: 'FROM /m/sha256-1\nADAPTER /m/sha256-2\nDRAFT /m/sha256-3\nFROM /m/sha256-4',
      parameters: { num_ctx: 2048, use_mmap: false, num_thread: 1 },
      ...{ trainedContext: 8192, sees: true, embeds: false, hasDraft: true, shifts: false },
    })
  })

  it.each(['', '[]', '{}', '{"modelfile":5}', '<html>'])('are not read from %j', (text) => {
    expect(readModelFacts(text)).toBeNull()
  })

  it('name no files if the model has none', () => {
    expect(readModelFacts('{"modelfile":"FROM gpt-oss:20b\\n"}')?.files).toBeNull()
  })
})

describe('the resident affinity', () => {
  const sent = affinityOf('tiny-a', { num_ctx: 512 })
  it('is that of the last job sent while the target shows its model', () => {
    const residency = residencyAfter(['tiny-a:latest'], sent, null)
    expect(isResident(sent, residency)).toBe(true)
    expect(isResident(affinityOf('tiny-a', { num_ctx: 1024 }), residency)).toBe(false)
  })
  it('is cleared by an unload', () => {
    expect(isResident(sent, residencyAfter([], sent, null))).toBe(false)
  })
  it('covers every name of a runner', () => {
    const names = ['copy-a:latest', 'tiny-a:latest']
    const aliases = { canonical: (name: string) => (names.includes(name) ? 'copy-a:latest' : name), all: () => names }
    const residency = residencyAfter(['tiny-a:latest'], null, null, aliases)
    expect(residency.foreign.toSorted()).toEqual(names)
    expect(residencyAfter(['tiny-a'], 'copy-a:latest num_ctx=1', null, aliases).affinity).toBe(
      'copy-a:latest num_ctx=1',
    )
  })
  it('matches any affinity of a model that another client loaded', () => {
    const residency = residencyAfter(['tiny-b:latest'], sent, null)
    expect(isResident(affinityOf('tiny-b', { num_ctx: 7 }), residency)).toBe(true)
    expect(isResident(sent, residency)).toBe(false)
  })
  it('never counts the embedder as a worker', () => {
    expect(residencyAfter(['tiny-embed:latest'], null, 'tiny-embed').foreign).toEqual([])
  })
  it('always matches cloud models', () => {
    expect(isResident(affinityOf('x:cloud'), residencyAfter([], null, null))).toBe(true)
  })
})

describe('the drain limit', () => {
  const bound = { limitMs: 900, awakeNow: 2_000, swappedAwake: 1_000, oldestAwake: 1_000 }
  it('switches when the oldest job has waited the limit and the resident model was drained that long', () => {
    expect(turnsToOldest(bound)).toBe(true)
  })
  it('does not switch before the oldest job has waited', () => {
    expect(turnsToOldest({ ...bound, oldestAwake: 1_101 })).toBe(false)
  })
  it('does not switch before the resident model was drained that long', () => {
    expect(turnsToOldest({ ...bound, swappedAwake: 1_101 })).toBe(false)
  })
  it('switches exactly at the limit', () => {
    expect(turnsToOldest({ ...bound, oldestAwake: 1_100, swappedAwake: 1_100 })).toBe(true)
  })
  it('never switches with a limit of 0', () => {
    expect(turnsToOldest({ ...bound, limitMs: 0 })).toBe(false)
  })
})
