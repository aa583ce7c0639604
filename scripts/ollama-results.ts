// Import of results of the real-Ollama suite: `node scripts/ollama-results.ts 0.34.4=REPORT.json …`, each a report of
// vitest's json reporter. It writes test/ollama/results.json, from which docs/ollama-versions.md is generated.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

export interface VersionResult {
  /** Number of tests that ran, and of those that passed. */
  readonly tests: number
  readonly passed: number
  /** Number of requests sent to both Ollama and foreman, and of those with the same answer, byte for byte. */
  readonly requests: number
  readonly equal: number
  /** Date of the run. */
  readonly at: string
}

export type Results = Readonly<Record<string, VersionResult>>

export const RESULTS_FILE = resolve(import.meta.dirname, '../test/ollama/results.json')

interface Report {
  readonly startTime: number
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

export function resultOf({ startTime, testResults }: Report): VersionResult {
  const count = (files: Report['testResults']) => {
    const ran = files.flatMap((file) => file.assertionResults).filter(({ status }) => /^(passed|failed)$/.test(status))
    return { ran: ran.length, passed: ran.filter(({ status }) => status === 'passed').length }
  }
  const all = count(testResults)
  const requests = count(testResults.filter(({ name }) => name.endsWith('/equality.test.ts')))
  return {
    ...{ tests: all.ran, passed: all.passed, requests: requests.ran, equal: requests.passed },
    at: new Date(startTime).toISOString().slice(0, 10),
  }
}

export const readResults = (): Results =>
  existsSync(RESULTS_FILE) ? (JSON.parse(readFileSync(RESULTS_FILE, 'utf8')) as Results) : {}

if (import.meta.main) {
  const runs = process.argv.slice(2).map((argument): [string, VersionResult] => {
    const [version = '', file = ''] = argument.split('=')
    return [version, resultOf(JSON.parse(readFileSync(file, 'utf8')) as Report)]
  })
  const results = { ...readResults(), ...Object.fromEntries(runs) }
  writeFileSync(RESULTS_FILE, `${JSON.stringify(results, null, 2)}\n`)
}
