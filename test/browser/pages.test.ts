// Web pages in a real browser: pages of allowed origins chat, stream and watch. All others get nothing, learn nothing and
// cause no request to the target, with every API that a page has for requests.

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Config } from '../../src/daemon/config/options.ts'
import type { JobListDocument, StatusDocument } from '../../src/protocol/wire.ts'
import { read } from '../caller.ts'
import { FakeOllama, says } from '../fake-ollama.ts'
import { type Running, startForeman, until } from '../harness.ts'
import { Chromium, describeInBrowser, type Page } from './chromium.ts'
import { clientModule, type Site, startSite } from './site.ts'

const TOKEN = 'a-token-of-some-length'

/** Reads a streamed answer in the page. The text so far is in `heard`; `ended` is set at the end. */
const STREAM = `async (url, init) => {
  globalThis.heard = ''; globalThis.ended = null
  globalThis.leave = new AbortController()
  const answer = await fetch(url, { ...init, signal: globalThis.leave.signal })
  globalThis.code = answer.status; globalThis.job = answer.headers.get('x-foreman-job-id')
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) globalThis.heard += part.value
    globalThis.ended = 'whole'
  } catch (error) { globalThis.ended = String(error) }
}`

const chatBody = (more: object = {}) =>
  JSON.stringify({ model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }], ...more })
const post = (body: string, headers: Record<string, string> = {}): object => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json', ...headers },
  body,
})
/** An expression that calls `fn` in the page. */
const calling = (fn: string, ...args: readonly unknown[]): string =>
  `(${fn})(${args.map((arg) => JSON.stringify(arg))})`

describeInBrowser('in a browser', () => {
  let chromium: Chromium
  let client: string

  beforeAll(async () => {
    client = await clientModule()
    chromium = await Chromium.start()
  })
  afterAll(() => chromium?.stop())

  interface BrowserSetup {
    readonly fake: FakeOllama
    readonly running: Running
    readonly site: Site
    readonly page: Page
  }

  async function setUp(config: Partial<Config> = {}): Promise<BrowserSetup & AsyncDisposable> {
    const fake = await FakeOllama.start()
    const running = await startForeman(fake, { config })
    const site = await startSite(client)
    const page = await chromium.newPage()
    const dispose = async (): Promise<void> => {
      await page.close()
      await fake.stop()
    }
    return { fake, running, site, page, [Symbol.asyncDispose]: dispose }
  }

  const heard = (page: Page, what: string): Promise<unknown> =>
    until(`the page hears ${what}`, () => page.evaluate<boolean>(`globalThis.heard?.includes(${JSON.stringify(what)})`))

  /** Expects no job, and no request at the target except foreman's own probes. */
  async function nothingHappened({ fake, running }: BrowserSetup): Promise<void> {
    const { counters } = await read<StatusDocument>(running.url, '/status')
    expect(Object.values(counters.jobs).reduce((sum, count) => sum + count, 0)).toBe(0)
    expect((await read<JobListDocument>(running.url, '/jobs')).jobs).toEqual([])
    // foreman's own requests: the installed models, the loaded models, and the facts of each model.
    const own = ['/api/ps', '/api/tags', '/api/version', '/api/show', '/']
    expect(fake.log.filter(({ path }) => !own.includes(path))).toEqual([])
  }

  test.each(['localhost', '127.0.0.1'])('a page on http://%s streams a chat as it is generated', async (name) => {
    await using setup = await setUp()
    const { fake, running, site, page } = setup
    fake.on('/api/chat', says('Blue', ' sky')).hold('middle')
    await page.open(`http://${name}:${site.port}/`)
    const told = page.evaluate(calling(STREAM, `${running.url}/api/chat`, post(chatBody())))
    await heard(page, 'Blue')
    expect(await page.evaluate('heard.includes("sky")')).toBe(false)
    fake.release('middle')
    await told
    expect(await page.evaluate('[code, ended]')).toEqual([200, 'whole'])
    expect(await page.evaluate('heard.trim().split("\\n").map(JSON.parse).at(-1).done')).toBe(true)
    expect(await page.evaluate('job')).toBe(fake.workers[0]?.header('x-foreman-job-id'))
  })

  test('a page receives the heartbeats of a waiting call and can abort it', async () => {
    await using setup = await setUp()
    const { fake, running, site, page } = setup
    fake.hold('load')
    await page.open(`http://localhost:${site.port}/`)
    await page.evaluate(`void ${calling(STREAM, `${running.url}/api/chat`, post(chatBody()))}`)
    await fake.waiting('load')
    running.clock.advance(10_000)
    await heard(page, ' ')
    await page.evaluate('leave.abort()')
    await until('the target is rid of it', () => fake.workers[0]?.isOver)
    expect(await page.evaluate('code')).toBe(200)
  })

  test('a page with a token sends a preflight and gets access only with the token', async () => {
    await using setup = await setUp({ token: TOKEN })
    const { running, site, page } = setup
    await page.open(`http://localhost:${site.port}/`)
    const url = `${running.url}/v1/chat/completions`
    const body = chatBody({ stream: true })
    await page.evaluate(calling(STREAM, url, post(body)))
    expect(await page.evaluate('code')).toBe(401)
    const headers = { Authorization: `Bearer ${TOKEN}`, 'X-Stainless-Lang': 'js', 'OpenAI-Beta': 'x' }
    await page.evaluate(calling(STREAM, url, post(body, headers)))
    expect(await page.evaluate('[code, ended, heard.endsWith("data: [DONE]\\n\\n")]')).toEqual([200, 'whole', true])
  })

  test('a page follows a job with EventSource', async () => {
    await using setup = await setUp()
    const { running, site, page } = setup
    await page.open(`http://localhost:${site.port}/`)
    const seen = await page.evaluate(
      calling(
        `async (url, init) => {
          const { job_id } = await (await fetch(url + '/jobs', init)).json()
          const source = new EventSource(url + '/jobs/' + job_id + '/events')
          const states = []
          await new Promise((over) => {
            for (const name of ['state', 'message', 'record', 'done'])
              source.addEventListener(name, ({ data, lastEventId }) => {
                const { state } = JSON.parse(data)
                if (state !== undefined) states.push([state, lastEventId !== ''])
                if (state === 'done') over()
              })
          })
          source.close()
          return states
        }`,
        running.url,
        post(chatBody()),
      ),
    )
    expect(seen).toEqual(['queued', 'loading', 'working', 'done'].map((state) => [state, true]))
  })

  test('foreman-client submits, streams, waits and cancels in a page', async () => {
    await using setup = await setUp()
    const { fake, running, site, page } = setup
    fake.on('/api/chat', says('Blue', ' sky'))
    await page.open(`http://localhost:${site.port}/`)
    const done = await page.evaluate(
      calling(
        `async (url) => {
          const { ForemanClient } = await import('/foreman-client.js')
          const client = new ForemanClient({ url })
          const job = await client.submit({ model: 'tiny-a', messages: [{ role: 'user', content: 'hi' }] })
          let text = ''
          for await (const part of job.text()) text += part
          const { state } = await job.result()
          const { models } = await client.tags()
          return { text, state, models: models.length }
        }`,
        running.url,
      ),
    )
    expect(done).toEqual({ text: 'Blue sky', state: 'done', models: 5 })
    fake.hold('load')
    const cancelled = page.evaluate(
      calling(
        `async (url) => {
          const { ForemanClient } = await import('/foreman-client.js')
          const job = await new ForemanClient({ url }).submit({ model: 'tiny-b', messages: [{ role: 'user', content: 'hi' }] })
          globalThis.submitted = true
          await job.cancel()
          return job.result().then(() => 'done', (error) => error.name)
        }`,
        running.url,
      ),
    )
    expect(await cancelled).toBe('JobCancelledError')
  })

  /** Every API with which a page can send a request, and its result: 'nothing' or the beginning of the text that it read. */
  const EVERY_WAY = `async (url, body, only) => {
    const read = (answer) => answer.text().then((text) => text === '' ? 'nothing' : text)
    const json = { 'Content-Type': 'application/json' }
    const ways = {
      get: () => fetch(url + '/api/tags').then(read),
      'no-cors get': () => fetch(url + '/api/tags', { mode: 'no-cors' }).then(read),
      post: () => fetch(url + '/api/chat', { method: 'POST', headers: json, body }).then(read),
      'simple post': () => fetch(url + '/api/chat', { method: 'POST', body }).then(read),
      'no-cors post': () => fetch(url + '/api/chat', { method: 'POST', mode: 'no-cors', body }).then(read),
      submit: () => fetch(url + '/jobs', { method: 'POST', mode: 'no-cors', body }).then(read),
      delete: () => fetch(url + '/api/delete', { method: 'DELETE', headers: json, body }).then(read),
      beacon: async () => { navigator.sendBeacon(url + '/api/generate', body); return 'nothing' },
      script: () => new Promise((over) => {
        const script = Object.assign(document.createElement('script'), { src: url + '/api/tags' })
        script.onload = () => over('loaded'); script.onerror = () => over('nothing')
        document.head.append(script)
      }),
      form: () => new Promise((over) => {
        const frame = Object.assign(document.createElement('iframe'), { name: 'into' })
        document.body.append(frame)
        const form = Object.assign(document.createElement('form'),
          { method: 'post', action: url + '/api/chat', enctype: 'text/plain', target: 'into' })
        form.append(Object.assign(document.createElement('input'), { name: body.slice(0, -1) + ',"x":"', value: '"}' }))
        document.body.append(form)
        frame.onload = () => { try { over(frame.contentDocument ? 'read' : 'nothing') } catch { over('nothing') } }
        form.submit()
      }),
      events: () => new Promise((over) => {
        const source = new EventSource(url + '/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV/events')
        source.onopen = () => over('opened'); source.onerror = () => { source.close(); over('nothing') }
      }),
      pause: () => fetch(url + '/pause', { method: 'POST', mode: 'no-cors' }).then(read),
    }
    const learned = {}
    for (const [name, way] of Object.entries(ways))
      if (only === undefined || only.includes(name)) learned[name] = await way().catch(() => 'nothing')
    return learned
  }`
  const WAYS = [
    'get',
    'no-cors get',
    'post',
    'simple post',
    'no-cors post',
    'submit',
    'pause',
    'delete',
    'beacon',
  ].concat(['script', 'form', 'events'])
  const learnedNothing = Object.fromEntries(WAYS.map((way) => [way, 'nothing']))

  test('an allowed page learns what other pages cannot by the same requests', async () => {
    await using setup = await setUp()
    const { running, site, page } = setup
    await page.open(`http://localhost:${site.port}/`)
    // Chromium downloads the answer to this form instead of showing it, and then sends no event.
    const ways = ['get', 'post', 'simple post', 'no-cors post', 'submit', 'delete', 'beacon', 'pause']
    const learned = await page.evaluate<Record<string, string>>(calling(EVERY_WAY, running.url, chatBody(), ways))
    expect(learned['get']).toContain('tiny-a')
    expect(learned['post']).toContain('"done":true')
    expect(learned['simple post']).toContain('"done":true')
    expect(learned['delete']).toContain('FOREMAN_ALLOW_MANAGEMENT')
    await until('the beacon has come', async () => {
      const { jobs } = await read<JobListDocument>(running.url, '/jobs')
      return jobs.length === 5
    })
    expect(await read<StatusDocument>(running.url, '/status')).toMatchObject({ paused: true })
  })

  test.each(['127.0.0.2', 'attacker.example', 'localhost.attacker.example'])(
    'a page on http://%s gets nothing from any kind of request',
    async (name) => {
      await using setup = await setUp()
      const { running, site, page } = setup
      await page.open(`http://${name}:${site.port}/`)
      expect(await page.evaluate('location.hostname')).toBe(name)
      expect(await page.evaluate(calling(EVERY_WAY, running.url, chatBody()))).toEqual(learnedNothing)
      await nothingHappened(setup)
      expect(await read<StatusDocument>(running.url, '/status')).toMatchObject({ paused: false })
    },
  )

  test('a sandboxed frame, whose origin is null, gets nothing', async () => {
    await using setup = await setUp()
    const { running, site, page } = setup
    await page.open(`http://localhost:${site.port}/`)
    const script = `parent.postMessage('here', '*'); (${EVERY_WAY})(${JSON.stringify(running.url)}, ${JSON.stringify(chatBody())}).then((l) => parent.postMessage(l, '*'))`
    const learned = await page.evaluate(
      `new Promise((told) => {
        addEventListener('message', ({ data }) => { if (data !== 'here') told(data) })
        const frame = document.createElement('iframe')
        frame.sandbox = 'allow-scripts allow-forms'
        frame.srcdoc = '<body><script>' + ${JSON.stringify(script)} + '</' + 'script>'
        document.body.append(frame)
      })`,
    )
    expect(learned).toEqual(learnedNothing)
    await nothingHappened(setup)
  })

  test('a page on an origin of FOREMAN_ORIGINS can chat, and a page on the next port cannot', async () => {
    await using setup = await setUp({ origins: ['http://chat.example:*'] })
    const { running, site, page } = setup
    await page.open(`http://chat.example:${site.port}/`)
    await page.evaluate(calling(STREAM, `${running.url}/api/chat`, post(chatBody())))
    expect(await page.evaluate('[code, ended]')).toEqual([200, 'whole'])
    await page.open(`http://other.example:${site.port}/`)
    expect(await page.evaluate(`fetch('${running.url}/api/tags').then(() => 'read', () => 'nothing')`)).toBe('nothing')
  })

  test('a host name rebound to this machine after the page loaded gets nothing', async () => {
    await using setup = await setUp()
    const { running, site, page } = setup
    const origin = `http://rebound.example:${site.port}`
    await page.open(`${origin}/`)
    expect(await page.evaluate('document.body.innerText')).toBe('a page')
    // A connection that the browser opened earlier must not reach the page's own server afterwards.
    await page.evaluate(
      `document.head.append(Object.assign(document.createElement('link'), { rel: 'preconnect', href: location.origin }))`,
    )
    await until('a connection on which nothing is asked', () => site.idle > 0)
    site.becomes(Number(new URL(running.url).port))
    const answers = await page.evaluate<Record<string, [number, string]>>(
      calling(
        `async (body) => {
          const read = async (answer) => [answer.status, await answer.text()]
          return {
            tags: await fetch('/api/tags').then(read),
            chat: await fetch('/api/chat', { method: 'POST', body }).then(read),
            submit: await fetch('/jobs', { method: 'POST', body }).then(read),
            jobs: await fetch('/jobs').then(read),
          }
        }`,
        chatBody(),
      ),
    )
    for (const [status, told] of Object.values(answers)) {
      expect(status).toBe(403)
      expect(told).toMatch(/FOREMAN_HOSTS/)
      expect(told).not.toMatch(/tiny/)
    }
    await nothingHappened(setup)
  })
})
