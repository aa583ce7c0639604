// Log lines are written in order and in the background. A slow or missing reader blocks nothing.

import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { LogOutput } from '../../src/daemon/runtime/log-output.ts'

const flushed = (output: LogOutput): Promise<void> => new Promise((resolve) => output.flush(resolve))

/** A connected pair of sockets: the descriptor to write to, and its reader. */
async function pipe(): Promise<{ fd: number; reader: Socket }> {
  const { promise: accepted, resolve } = Promise.withResolvers<Socket>()
  const server = createServer({ pauseOnConnect: true }, resolve).listen(0, '127.0.0.1')
  await new Promise((ready) => server.once('listening', ready))
  const { connect } = await import('node:net')
  const address = server.address()
  const writer = connect(typeof address === 'object' && address !== null ? address.port : 0, '127.0.0.1')
  writer.on('error', () => undefined)
  const reader = await accepted
  await new Promise((ready) => (writer.connecting ? writer.once('connect', ready) : ready(null)))
  onTestFinished(() => {
    writer.destroy()
    reader.destroy()
    server.close()
  })
  const { fd } = (writer as unknown as { _handle: { fd: number } })._handle
  return { fd, reader }
}

async function readAll(reader: Socket, until: (text: string) => boolean): Promise<string> {
  let text = ''
  reader.setEncoding('utf8')
  reader.resume()
  for await (const chunk of reader) {
    text += chunk
    if (until(text)) break
  }
  return text
}

describe('log lines', () => {
  it('to a file are written at once', () => {
    const folder = mkdtempSync(join(tmpdir(), 'foreman-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const fd = openSync(join(folder, 'log'), 'w')
    const output = new LogOutput(fd)
    output.write('one\n')
    output.write('two\n')
    expect(readFileSync(join(folder, 'log'), 'utf8')).toBe('one\ntwo\n')
    closeSync(fd)
  })

  it('keep their order, however slowly they are read, and the writer does not block', async () => {
    const { fd, reader } = await pipe()
    const output = new LogOutput(fd)
    // More than the buffers of a connection hold: the rest waits in memory.
    const lines = Array.from({ length: 6_000 }, (_, i) => `${i} ${'x'.repeat(1_000)}\n`)
    for (const line of lines) output.write(line)
    const text = await readAll(reader, (read) => read.endsWith(lines.at(-1) ?? ''))
    expect(text).toBe(lines.join(''))
    await flushed(output)
  })

  it('that are not read are dropped beyond 8 MiB and counted', async () => {
    const { fd, reader } = await pipe()
    const output = new LogOutput(fd)
    for (let i = 0; i < 30; i++) output.write(`${i} ${'x'.repeat(1024 * 1024)}\n`)
    const text = await readAll(reader, (read) => read.includes('log lines dropped: they were not read in time'))
    expect(text).toMatch(/"dropped":2\d/)
  })

  it('to a reader that has left do not end the process', async () => {
    const { fd, reader } = await pipe()
    const output = new LogOutput(fd)
    reader.resetAndDestroy()
    for (let i = 0; i < 100; i++) output.write(`${'x'.repeat(10_000)}\n`)
    await flushed(output)
    output.write('more\n')
    await flushed(output)
  })
})
