// Which requests share a loaded model, what counts as resident, and when the drain turns.

import { describe, expect, it } from 'vitest'
import {
  affinityOf,
  isCloudModel,
  isResident,
  normaliseModel,
  residencyAfter,
  turnsToOldest,
} from '../../src/daemon/affinity.ts'

describe('a model has one name', () => {
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
  ])('%s is %s', (written, name) => {
    expect(normaliseModel(written)).toBe(name)
  })
})

describe('affinity', () => {
  it('is the same for the same model, however it is spelled', () => {
    expect(affinityOf('TINY-A', { temperature: 1 })).toBe(affinityOf('tiny-a:latest'))
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

describe('resident', () => {
  const sent = affinityOf('tiny-a', { num_ctx: 512 })
  it('is the affinity of the last job sent while the target shows its model', () => {
    const residency = residencyAfter(['tiny-a:latest'], sent, null)
    expect(isResident(sent, residency)).toBe(true)
    expect(isResident(affinityOf('tiny-a', { num_ctx: 1024 }), residency)).toBe(false)
  })
  it('is cleared by an unload', () => {
    expect(isResident(sent, residencyAfter([], sent, null))).toBe(false)
  })
  it('matches any affinity of a model that somebody else loaded', () => {
    const residency = residencyAfter(['tiny-b:latest'], sent, null)
    expect(isResident(affinityOf('tiny-b', { num_ctx: 7 }), residency)).toBe(true)
    expect(isResident(sent, residency)).toBe(false)
  })
  it('never counts the embedder as a worker', () => {
    expect(residencyAfter(['tiny-embed:latest'], null, 'tiny-embed').foreign).toEqual([])
  })
  it('always holds for cloud models', () => {
    expect(isResident(affinityOf('x:cloud'), residencyAfter([], null, null))).toBe(true)
  })
})

describe('the drain bound', () => {
  const bound = { limitMs: 900, awakeNow: 2_000, swappedAwake: 1_000, oldestAwake: 1_000 }
  it('turns when the oldest has waited the limit and the resident was drained that long', () => {
    expect(turnsToOldest(bound)).toBe(true)
  })
  it('does not turn before the oldest has waited', () => {
    expect(turnsToOldest({ ...bound, oldestAwake: 1_101 })).toBe(false)
  })
  it('does not turn before the resident one was drained that long', () => {
    expect(turnsToOldest({ ...bound, swappedAwake: 1_101 })).toBe(false)
  })
  it('turns exactly at the limit', () => {
    expect(turnsToOldest({ ...bound, oldestAwake: 1_100, swappedAwake: 1_100 })).toBe(true)
  })
  it('never turns with a limit of 0', () => {
    expect(turnsToOldest({ ...bound, limitMs: 0 })).toBe(false)
  })
})
