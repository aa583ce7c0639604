// Start of the processes in target/, and requests for the streaming target.

import { fileURLToPath } from 'node:url'
import { post } from './caller.ts'
import { type Child, startUntil } from './child.ts'
import type { Wanted } from './target/chat-target.ts'

export interface Listening {
  readonly child: Child
  readonly pid: number
  readonly port: number
}

export const targetScript = (name: string): string => fileURLToPath(new URL(`./target/${name}.ts`, import.meta.url))

async function startScript(name: string, args: readonly string[] = []): Promise<Listening> {
  const { child, value: port } = await startUntil(process.execPath, [targetScript(name), ...args], (line) => {
    const found = /^listening (\d+)$/.exec(line)
    return found === null ? undefined : Number(found[1])
  })
  return { child, pid: child.pid, port }
}

/** Starts the target of the streaming benches. */
export const startChatTarget = (): Promise<Listening> => startScript('chat-target')

/** Starts the minimal Node proxy in front of a target. */
export const startBareProxy = (targetPort: number): Promise<Listening> =>
  startScript('bare-proxy', [String(targetPort)])

/** Starts the minimal Node program that acknowledges jobs durably. */
export const startBareSubmits = (file: string): Promise<Listening> => startScript('bare-submits', [file])

/** The bytes of a chat for that target, sent to the server on `port`. */
export const chatRequest = (port: number, wanted: Partial<Wanted> = {}): Buffer =>
  post(port, '/api/chat', {
    model: 'bench',
    messages: [{ role: 'user', content: 'Why is the sky blue?' }],
    options: wanted,
  })
