// Bench of draining by model on a real Ollama: thirty interleaved requests for three models, with memory for one model,
// sent directly, grouped by hand, and through foreman.

import { post } from './caller.ts'
import { startForeman } from './foreman.ts'
import { openCallers } from './load.ts'
import { type RealOllama, startRealOllama } from './real-ollama.ts'
import type { Report } from './report.ts'
import { digits, median } from './statistics.ts'

const METHOD = `Thirty chats of eight tokens in the order a b c a b c …, each on its own connection, all sent at once:
  directly, and through foreman. By hand: the same thirty sorted by model, one after another. One after another: the
  same thirty in their order, directly. No model is loaded at the start of a trial. Trials alternate, and loads are
  counted in Ollama's log. Ollama has OLLAMA_MAX_LOADED_MODELS=1.`

const REQUESTS = 30

interface Trial {
  readonly seconds: number
  readonly loads: number
}
type Name = 'sorted' | 'serial' | 'direct' | 'foreman'

export async function run(report: Report, { rounds }: { rounds: number }): Promise<void> {
  report.method(METHOD)
  const ollama = await startRealOllama()
  const foreman = await startForeman({ targetPort: ollama.port })
  const found: Record<Name, Trial[]> = { sorted: [], serial: [], direct: [], foreman: [] }
  const interleaved = Array.from({ length: REQUESTS }, (_, index) => ollama.models[index % ollama.models.length] ?? '')
  for (let round = 0; round < Math.min(rounds, 3); round++) {
    found.sorted.push(await trial(ollama, () => oneByOne(ollama.port, interleaved.toSorted())))
    found.foreman.push(await trial(ollama, () => allAtOnce(foreman.port, interleaved)))
    found.direct.push(await trial(ollama, () => allAtOnce(ollama.port, interleaved)))
    found.serial.push(await trial(ollama, () => oneByOne(ollama.port, interleaved)))
  }
  await foreman.child.stop()
  await ollama.stop()
  print(report, found)
}

async function trial(ollama: RealOllama, act: () => Promise<void>): Promise<Trial> {
  await ollama.unloadAll()
  const { loads } = ollama
  const started = performance.now()
  await act()
  return { seconds: (performance.now() - started) / 1000, loads: ollama.loads - loads }
}

const request = (port: number, model: string): Buffer =>
  post(port, '/api/chat', {
    model,
    messages: [{ role: 'user', content: 'Why is the sky blue?' }],
    // With more threads, llama.cpp's threads spin while they wait for each other: on a busy machine seconds become minutes.
    options: { num_predict: 8, seed: 1, temperature: 0, num_thread: 1 },
  })

async function oneByOne(port: number, models: readonly string[]): Promise<void> {
  const [caller] = await openCallers(port, 1)
  for (const model of models) expectOk(await caller?.request(request(port, model)))
  caller?.close()
}

async function allAtOnce(port: number, models: readonly string[]): Promise<void> {
  const callers = await openCallers(port, models.length)
  const statuses = await Promise.all(callers.map((caller, index) => caller.request(request(port, models[index] ?? ''))))
  statuses.forEach(expectOk)
  for (const caller of callers) caller.close()
}

function expectOk(status: number | undefined): void {
  if (status !== 200) throw new Error(`an answer had status ${status}`)
}

function print(report: Report, found: Readonly<Record<Name, Trial[]>>): void {
  const seconds = (name: Name) => median(found[name].map((trial) => trial.seconds))
  const row = (title: string, name: Name) => [
    title,
    `${digits(seconds(name))} s`,
    `${digits(seconds(name) / seconds('sorted'))}×`,
    digits(median(found[name].map(({ loads }) => loads))),
  ]
  report.table(
    ['', 'time', 'of grouped', 'loads'],
    [
      row('grouped by hand', 'sorted'),
      row('through foreman, all at once', 'foreman'),
      row('directly, all at once', 'direct'),
      row('directly, one after another', 'serial'),
    ],
  )
  const ratio = seconds('foreman') / seconds('sorted')
  report.goal('within 1.15 of the same requests grouped by hand', ratio <= 1.15, `${digits(ratio)}×`)
}
