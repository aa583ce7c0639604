// Ordinary job for tests to vary.

import { type Job, NO_OPTIONS } from '../../src/daemon/domain/job.ts'

export function job(differences: Partial<Job> = {}): Job {
  return {
    sequence: 1,
    id: '01JD0000000000000000000000',
    state: 'queued',
    changes: 1,
    options: NO_OPTIONS,
    retryOf: null,
    caller: 'live',
    endpoint: '/api/chat',
    model: 'tiny-a',
    affinity: 'tiny-a:latest',
    stream: true,
    loadOnly: false,
    lacksKeepAlive: false,
    contentType: 'application/json',
    contentEncoding: null,
    bodyBytes: 2,
    attempt: 0,
    bounces: 0,
    createdAt: 0,
    createdAwake: 0,
    availableAt: null,
    orphanedAt: null,
    requeuedAt: null,
    startedAt: null,
    claimedAt: null,
    workingAt: null,
    finishedAt: null,
    error: null,
    measured: null,
    ...differences,
  }
}
