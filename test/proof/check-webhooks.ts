// Checks of webhooks: delivered at least once, in order, accurate, with one id for each change and a valid signature.

import { EVENTS_PER_CHANGE, eventNumber } from '../../src/protocol/event.ts'
import { changesIn } from './check-ends.ts'
import type { Arrival, JobCheck, RunCheck } from './run-history.ts'

const isTaken = ({ answer }: Arrival): boolean => answer !== null && answer.status >= 200 && answer.status < 300

export const announced: JobCheck = ({ final: { job, events }, submits, arrivals }) => {
  const wanted = submits[0]?.webhookStates ?? []
  const changes = changesIn(events ?? [])
  const wrong = changes.flatMap(({ number, state }) => {
    const n = number / EVENTS_PER_CHANGE
    const delivery = job.deliveries.find((one) => one.n === n)
    const name = `change ${n} (${state})`
    if (!wanted.includes(state)) return delivery === undefined ? [] : [`${name} is told, and nobody asked for that`]
    if (delivery === undefined) return [`${name} is not in the outbox`]
    if (delivery.status === 'pending') return [`${name} is still to be told, after ${delivery.tries} tries`]
    const came = arrivals.filter(({ sequence }) => sequence === n)
    if (delivery.status === 'delivered') {
      return came.some(isTaken) ? [] : [`${name} counts as delivered; it came ${came.length} times and was never taken`]
    }
    const isUnwanted = delivery.reason === 'gone' && arrivals.some(({ answer }) => answer?.status === 410)
    return isUnwanted ? [] : [`${name} was given up (${delivery.reason}, ${delivery.tries} tries) without a 410`]
  })
  const surplus = job.deliveries.filter(({ n }) => !changes.some(({ number }) => number === eventNumber(n)))
  return [...wrong, ...surplus.map(({ n }) => `delivery ${n} has no change`)]
}

export const inOrder: JobCheck = ({ arrivals }) => {
  const firsts = [...Map.groupBy(arrivals, ({ sequence }) => sequence).values()].flatMap(([first]) => first ?? [])
  return firsts.flatMap((one, at) => {
    const before = firsts[at - 1]
    if (before === undefined) return []
    if (before.sequence > one.sequence) return [`${one.sequence} came first at ${one.at}, behind ${before.sequence}`]
    const taken = arrivals.find((other) => other.sequence === before.sequence && isTaken(other))
    if (taken?.answer !== undefined && taken.answer !== null && taken.answer.at < one.at) return []
    return [`${one.sequence} came at ${one.at}, and ${before.sequence} had not been taken by then`]
  })
}

export const accurate: JobCheck = ({ final: { events }, arrivals }) => {
  const changes = changesIn(events ?? [])
  return arrivals.flatMap(({ sequence, state, previous, attempt, timestamp }) => {
    const change = changes.find(({ number }) => number === eventNumber(sequence))
    const isTrue =
      change?.state === state &&
      change.previous === previous &&
      change.attempt === attempt &&
      change.timestamp === timestamp
    if (isTrue) return []
    return [
      `told: ${sequence} ${previous} → ${state}, attempt ${attempt}, ${timestamp}; its history has ${JSON.stringify(change ?? null)}`,
    ]
  })
}

export const knownJobs: RunCheck = ({ finals, arrivals }) => {
  const there = new Set(finals.map(({ job }) => job.job_id))
  return [...new Set(arrivals.map(({ jobId }) => jobId))]
    .filter((jobId) => !there.has(jobId))
    .map((jobId) => ({ jobId, evidence: 'told of, and there is no such job' }))
}

export const ids: RunCheck = ({ arrivals }) => {
  const idsOf = Map.groupBy(arrivals, ({ jobId, sequence }) => `${jobId} ${sequence}`)
  const changesOf = Map.groupBy(arrivals, ({ webhookId }) => webhookId)
  const several = [...idsOf.values()].flatMap((same) => {
    const found = [...new Set(same.map(({ webhookId }) => webhookId))]
    return found.length > 1
      ? [{ jobId: same[0]?.jobId ?? null, evidence: `change ${same[0]?.sequence} came as ${found.join(', ')}` }]
      : []
  })
  const shared = [...changesOf].flatMap(([id, same]) => {
    const found = [...new Set(same.map(({ jobId, sequence }) => `${jobId} ${sequence}`))]
    return found.length > 1
      ? [{ jobId: same[0]?.jobId ?? null, evidence: `${id} stands for ${found.join(' and ')}` }]
      : []
  })
  return [...several, ...shared]
}

export const signatures: RunCheck = ({ arrivals }) =>
  arrivals
    .filter(({ isAuthentic: isBelieved }) => !isBelieved)
    .map(({ jobId, webhookId }) => ({ jobId, evidence: `${webhookId} cannot be believed: signature or timestamp` }))
