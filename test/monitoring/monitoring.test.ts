// The example configuration for Prometheus, with a running foreman that has a token.

import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { grafanaDashboard } from '../../scripts/grafana-dashboard.ts'
import { FakeOllama, hangsUp } from '../fake-ollama.ts'
import { startForeman, until } from '../harness.ts'
import { submit } from '../http/jobs/submission.ts'
import { mixedRun } from '../mixed-run.ts'
import { configurationFor, promtool, query, RULES, startAlertmanager, startPrometheus } from './programs.ts'

const TOKEN = 'a-token-for-prometheus'
const headers = { Authorization: `Bearer ${TOKEN}` }

describe('the alert rules', () => {
  it('are valid for promtool and pass their unit tests', () => {
    expect(promtool('check', 'rules', RULES)).toContain('SUCCESS')
    expect(promtool('test', 'rules', resolve(import.meta.dirname, 'rules.test.yml'))).toContain('SUCCESS')
  })
})

describe('a real Prometheus with the example configuration', () => {
  it('scrapes foreman with a token, and its alert reaches a real Alertmanager', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake, { config: { token: TOKEN, maxAttempts: 1 } })
    const alertmanager = await startAlertmanager()
    const configuration = await configurationFor(foreman.url, TOKEN, alertmanager)
    expect(promtool('check', 'config', configuration)).toContain('SUCCESS')
    const prometheus = await startPrometheus(configuration)
    const exhausted = 'foreman_attempts_total{outcome="attempts_exhausted"}'
    await until('the first scrape', async () => (await query(prometheus, `${exhausted} == 0`)).length > 0)
    fake.on('/api/chat', hangsUp())
    await submit(foreman.url, {}, headers)
    await until('Alertmanager has the alert', async () => {
      const answer = await fetch(`${alertmanager}/api/v2/alerts`)
      const alerts = (await answer.json()) as { labels: Record<string, string>; status: { state: string } }[]
      return alerts.some(
        ({ labels, status }) => labels['alertname'] === 'ForemanAttemptsExhausted' && status.state === 'active',
      )
    })
  })

  it('answers each query of the dashboard after a mixed run', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake, { config: { token: TOKEN } })
    const prometheus = await startPrometheus(await configurationFor(foreman.url, TOKEN, 'http://127.0.0.1:9'))
    await until('the first scrape', async () => (await query(prometheus, 'foreman_target_up')).length > 0)
    await mixedRun(foreman.url, fake, headers)
    const queries = grafanaDashboard().panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))
    expect(queries.length).toBeGreaterThan(20)
    for (const written of queries) {
      const text = written.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m')
      await until(`an answer to ${text}`, async () => (await query(prometheus, text)).length > 0)
    }
  })

  it('is refused without the token', async () => {
    await using fake = await FakeOllama.start()
    const foreman = await startForeman(fake, { config: { token: TOKEN } })
    const prometheus = await startPrometheus(await configurationFor(foreman.url, 'wrong', 'http://127.0.0.1:9'))
    await until('the scrape failed', async () => (await query(prometheus, 'up{job="foreman"} == 0')).length > 0)
  })
})
