// Helpers to submit a job, read it and wait for its end.

import type { JobDocument, JobListDocument, ReceiptDocument, StatusDocument } from '../../../src/protocol/wire.ts'
import { type Answer, call, read } from '../../caller.ts'
import { until } from '../../harness.ts'

export const MESSAGES = [{ role: 'user', content: 'hi' }]

export const CHAT = { model: 'tiny-a', messages: MESSAGES }

/** `POST /jobs`: an object is written over a chat of one word, text and bytes are sent as they are. */
export function post(
  url: string,
  body: object | string | Uint8Array = {},
  headers: Record<string, string> = {},
): Promise<Answer> {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array
  return call(url, { path: '/jobs', body: isRaw ? body : { ...CHAT, ...body }, headers })
}

export const documentOf = <T>({ body }: Answer): T => JSON.parse(body) as T

/** Submits a job and returns the receipt; fails without one. */
export async function submit(
  url: string,
  body: object | string = {},
  headers: Record<string, string> = {},
): Promise<ReceiptDocument> {
  const answer = await post(url, body, headers)
  if (answer.status !== 202) throw new Error(`${answer.status} ${answer.body}`)
  return documentOf<ReceiptDocument>(answer)
}

export const view = (url: string, id: string): Promise<JobDocument> => read<JobDocument>(url, `/jobs/${id}`)

/** The newest of all jobs. */
export const list = (url: string): Promise<JobListDocument> => read<JobListDocument>(url, '/jobs')

/** The first probe is over: foreman knows what is installed. */
export const probed = (url: string): Promise<boolean> =>
  until('the target was probed', async () => (await read<StatusDocument>(url, '/status')).target.reachable === true)

/** The job, once it is in `state`. */
export function inState(url: string, id: string, state: string): Promise<JobDocument> {
  return until(`job ${id} is ${state}`, async () => {
    const job = await view(url, id)
    return job.state === state && job
  })
}

/** A POST without a body to what stands behind a job. */
export const act = (url: string, id: string, action: string, headers: Record<string, string> = {}): Promise<Answer> =>
  call(url, { path: `/jobs/${id}/${action}`, headers })
