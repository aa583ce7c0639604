// A program in TypeScript that uses foreman-client: compiled by a strict compiler, and run with the address of a foreman.

import { ForemanClient, type JobDocument, type JobHandle, type JobState } from 'foreman-client'

const client = new ForemanClient({ url: process.argv[2] ?? '' })
const job: JobHandle = await client.submit({ model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }] })
const states: JobState[] = []
for await (const event of job.events()) if (event.type === 'state') states.push(event.state)
const { state, attempt }: JobDocument = await job.result()
process.stdout.write(JSON.stringify({ states, state, attempt }))
