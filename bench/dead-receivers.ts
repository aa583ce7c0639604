// Bench of dead webhook receivers: whether a job, a chat or a webhook to a healthy receiver takes longer while ten
// thousand webhooks to dead receivers are pending.

import { Caller } from './caller.ts'
import { type DeadHosts, startDeadHosts } from './dead-hosts.ts'
import { startForeman } from './foreman.ts'
import { type Arrival, type HealthyReceiver, startHealthyReceiver } from './healthy-receiver.ts'
import { isIdle, jobRequest, metric, submitAll, until } from './jobs.ts'
import { wait } from './load.ts'
import { microseconds } from './monotonic.ts'
import type { Report } from './report.ts'
import { digits, median, quantile } from './statistics.ts'
import { chatRequest, type Listening } from './targets.ts'

const REFUSING = 100
const SILENT = 32
const PENDING = 10_000
const PENDING_QUICK = 1_000
/** Of the jobs that fill the outbox, one in this many has a healthy receiver. */
const HEALTHY_EACH = 100
const SAMPLES = 300
const SAMPLES_QUICK = 30
const PAUSE_MS = 10
/** Ratio up to which two figures count as equal on a shared machine. */
const TOLERANCE = 1.15
/** A try at a silent receiver takes 15 s, so anything that had to wait for one would take longer than this. */
const HEALTHY_MOST_MS = 1_000

const METHOD = `A daemon runs jobs whose webhook (done) goes in turns to ${REFUSING} ports that refuse and to
  ${SILENT} that accept the connection and never answer, until the given number is pending. Another daemon runs the
  same jobs without webhooks. In both, one job in ${HEALTHY_EACH} has a healthy receiver. Then these are measured one
  after another, ${PAUSE_MS} ms apart: a job, from its submit until the target has written its answer; its webhook,
  from there to the healthy receiver; a chat through the queue, from its start to its end. The retries go on
  meanwhile. Each trial has its own daemon, and the two kinds alternate. All samples of all rounds form one set.`

interface Trial {
  /** Milliseconds. */
  readonly job: number[]
  readonly chat: number[]
  readonly webhook: number[]
  readonly whileFilled: number[]
  readonly jobsPerSecond: number
  readonly pending: number
  readonly triesPerSecond: number
}

interface Size {
  readonly jobs: number
  readonly samples: number
}

export async function compareDead(report: Report, target: Listening, rounds: number): Promise<void> {
  report.note('')
  report.method(METHOD)
  const size = rounds === 1 ? { jobs: PENDING_QUICK, samples: SAMPLES_QUICK } : { jobs: PENDING, samples: SAMPLES }
  const healthy = await startHealthyReceiver()
  const dead = await startDeadHosts(REFUSING, SILENT)
  const without: Trial[] = []
  const withDead: Trial[] = []
  // Each takes half a minute. Three rounds showed the same as five.
  for (let round = 0; round < Math.min(rounds, 3); round++) {
    const first = round % 2 === 0
    if (first) without.push(await measure(target, healthy, null, size))
    withDead.push(await measure(target, healthy, dead, size))
    if (!first) without.push(await measure(target, healthy, null, size))
  }
  healthy.stop()
  dead.stop()
  show(report, without, withDead)
}

async function measure(
  target: Listening,
  healthy: HealthyReceiver,
  dead: DeadHosts | null,
  { jobs, samples }: Size,
): Promise<Trial> {
  const foreman = await startForeman({ targetPort: target.port, settings: { FOREMAN_MAX_QUEUE: '100000' } })
  const { port } = foreman
  const whileFilled: number[] = []
  healthy.onArrival = (arrival) => whileFilled.push(delay(arrival))
  const hosts = dead === null ? [] : inTurns(dead)
  const requests = Array.from({ length: jobs + Math.ceil(jobs / HEALTHY_EACH) }, (_, index) => {
    if (index % (HEALTHY_EACH + 1) === 0) return jobRequest(port, { url: healthy.url, events: ['done'] })
    const host = hosts[index % hosts.length]
    return jobRequest(port, host === undefined ? null : { url: `http://${host}/hook`, events: ['done'] })
  })
  const started = performance.now()
  await submitAll(port, requests)
  await until('jobs', () => isIdle(foreman), 300_000)
  const jobsPerSecond = (requests.length * 1000) / (performance.now() - started)
  await until('healthy webhooks', async () => whileFilled.length >= Math.ceil(jobs / HEALTHY_EACH), 30_000)

  const pending = await metric(foreman, 'foreman_deliveries_pending')
  if (dead !== null && pending < jobs) throw new Error(`${pending} webhooks are pending, not ${jobs}`)
  const tries = await metric(foreman, 'foreman_deliveries_total')
  const sampledAt = performance.now()
  const found = await sample(port, healthy, samples)
  const seconds = (performance.now() - sampledAt) / 1000
  const triesPerSecond = ((await metric(foreman, 'foreman_deliveries_total')) - tries) / seconds
  await foreman.child.stop()
  return { ...found, whileFilled, jobsPerSecond, pending, triesPerSecond }
}

/** All dead receivers; taken in turns, each gets equally many webhooks. */
const inTurns = ({ refusing, silent }: DeadHosts): string[] => [...refusing, ...silent]

const delay = ({ answeredAt, arrivedAt }: Arrival): number => (arrivedAt - answeredAt) / 1000

async function sample(
  port: number,
  healthy: HealthyReceiver,
  samples: number,
): Promise<Pick<Trial, 'job' | 'chat' | 'webhook'>> {
  const [jobs, chats] = await Promise.all([Caller.open(port), Caller.open(port)])
  const job: number[] = []
  const chat: number[] = []
  const webhook: number[] = []
  const request = jobRequest(port, { url: healthy.url, events: ['done'] })
  for (let done = 0; done < samples; done++) {
    const { promise, resolve, reject } = Promise.withResolvers<Arrival>()
    const timer = setTimeout(() => reject(new Error('a healthy receiver got no webhook within 60 s')), 60_000)
    healthy.onArrival = resolve
    const submittedAt = microseconds()
    const status = await jobs.request(request)
    if (status !== 202) throw new Error(`a submit had status ${status}`)
    const arrival = await promise
    clearTimeout(timer)
    job.push((arrival.answeredAt - submittedAt) / 1000)
    webhook.push(delay(arrival))
    const askedAt = microseconds()
    const answered = await chats.request(chatRequest(port))
    if (answered !== 200) throw new Error(`a chat had status ${answered}`)
    chat.push((microseconds() - askedAt) / 1000)
    await wait(PAUSE_MS)
  }
  jobs.close()
  chats.close()
  return { job, chat, webhook }
}

function show(report: Report, without: readonly Trial[], withDead: readonly Trial[]): void {
  const cells = (figure: (trials: readonly Trial[]) => number, unit = ' ms') => {
    const [quiet, busy] = [figure(without), figure(withDead)]
    return [`${digits(quiet)}${unit}`, `${digits(busy)}${unit}`, `${digits(busy / quiet)}×`]
  }
  const all = (of: (trial: Trial) => number[]) => (trials: readonly Trial[]) => trials.flatMap(of)
  const quantiles = (name: string, of: (trial: Trial) => number[], high: number, highName: string) => [
    [`${name}: median`, ...cells((trials) => median(all(of)(trials)))],
    [`  ${highName}`, ...cells((trials) => quantile(all(of)(trials), high))],
  ]
  const pending = Math.min(...withDead.map((trial) => trial.pending))
  report.table(
    ['', 'without', `${digits(pending)} pending`, 'ratio'],
    [
      ...quantiles('a job, to its answer at the target', ({ job }) => job, 0.99, '99th percentile'),
      ...quantiles('a chat through the queue', ({ chat }) => chat, 0.99, '99th percentile'),
      ...quantiles('a healthy webhook', ({ webhook }) => webhook, 0.99, '99th percentile'),
      ...quantiles('  while the outbox fills', ({ whileFilled }) => whileFilled, 1, 'slowest'),
      ['jobs/s while the outbox fills', ...cells((trials) => median(trials.map((one) => one.jobsPerSecond)), '')],
      ['tries/s meanwhile', '', digits(median(withDead.map((one) => one.triesPerSecond))), ''],
    ],
  )
  const sentence = `with ${digits(pending)} webhooks to dead receivers pending`
  const ratio = (of: (trial: Trial) => number[]) => median(all(of)(withDead)) / median(all(of)(without))
  const [job, chat] = [ratio((trial) => trial.job), ratio((trial) => trial.chat)]
  report.goal(`${sentence} a job waits no longer`, job <= TOLERANCE, `${digits(job)}×`)
  report.goal(`${sentence} a chat takes no longer`, chat <= TOLERANCE, `${digits(chat)}×`)
  const worst = Math.max(...withDead.flatMap(({ webhook, whileFilled }) => [...webhook, ...whileFilled]))
  report.goal(
    `a healthy receiver never waits for a dead one`,
    worst <= HEALTHY_MOST_MS,
    `the slowest ${digits(worst)} ms`,
  )
}
