// Runs fuzz targets in turns, each turn in a child process with its own seed, until the time is over or one fails.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

export interface TurnResult {
  readonly cases: number
  /** The failure; null if every case passed. */
  readonly failure: string | null
}

export interface TargetFile {
  /** The file's name without its ending. The command line uses this name too. */
  readonly name: string
  readonly path: string
}

export interface Failure {
  readonly name: string
  /** Seed of the turn: a run that begins with it repeats the case. */
  readonly seed: number
  readonly text: string
}

export interface FuzzResult {
  readonly cases: ReadonlyMap<string, number>
  readonly failures: readonly Failure[]
}

export interface FuzzOptions {
  readonly targets: readonly TargetFile[]
  readonly seed: number
  readonly totalMs: number
  /** Time that a target may take after the end of its turn before it counts as hung. */
  readonly graceMs?: number
  readonly onTurn?: (turn: { name: string; seed: number } & TurnResult) => void
}

const MIN_TURN_MS = 500
const MAX_TURN_MS = 10_000
/** Long enough for a machine that is many times slower. */
const GRACE_MS = 120_000
const MAX_OUTPUT_BYTES = 16_384
const TURN = join(import.meta.dirname, 'turn.ts')

export function targetsIn(folder: string): readonly TargetFile[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts'))
  return files.sort().map((file) => ({ name: file.slice(0, -'.ts'.length), path: join(folder, file) }))
}

/** Every target has one turn at least. A target that has failed gets no further turn. */
export async function fuzz({ targets, seed, totalMs, graceMs = GRACE_MS, onTurn }: FuzzOptions): Promise<FuzzResult> {
  const deadline = performance.now() + totalMs
  const turnMs = Math.max(MIN_TURN_MS, Math.min(MAX_TURN_MS, totalMs / targets.length))
  const cases = new Map(targets.map(({ name }) => [name, 0]))
  const failures: Failure[] = []
  for (let round = 0; round === 0 || performance.now() < deadline; round++) {
    const turnSeed = (seed + round) % 2 ** 31
    const open = targets.filter(({ name }) => !failures.some((failure) => failure.name === name))
    if (open.length === 0) break
    for (const { name, path } of open) {
      if (round > 0 && performance.now() >= deadline) break
      const result = await takeTurn(path, turnSeed, turnMs, graceMs)
      cases.set(name, (cases.get(name) ?? 0) + result.cases)
      if (result.failure !== null) failures.push({ name, seed: turnSeed, text: result.failure })
      onTurn?.({ name, seed: turnSeed, ...result })
    }
  }
  return { cases, failures }
}

async function takeTurn(path: string, seed: number, turnMs: number, graceMs: number): Promise<TurnResult> {
  const child = fork(TURN, [path, String(seed), String(Math.round(turnMs))], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const output = outputOf(child)
  let result: TurnResult | null = null
  child.on('message', (message: TurnResult) => {
    result = message
  })
  let isHung = false
  const bound = setTimeout(() => {
    isHung = true
    child.kill('SIGKILL')
  }, turnMs + graceMs)
  const [code, signal] = await once(child, 'close')
  clearTimeout(bound)
  if (isHung) return { cases: 0, failure: `has not ended ${graceMs} ms after its turn\n${output()}` }
  return (
    result ?? { cases: 0, failure: `its process ended without a result (${signal ?? `exit ${code}`})\n${output()}` }
  )
}

/** The end of the process's output. */
function outputOf(child: ChildProcess): () => string {
  let text = ''
  const take = (chunk: Buffer): void => {
    text = (text + chunk.toString('utf8')).slice(-MAX_OUTPUT_BYTES)
  }
  child.stdout?.on('data', take)
  child.stderr?.on('data', take)
  return () => text
}
