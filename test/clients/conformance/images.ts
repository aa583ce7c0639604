// Test of images: the body that a client sends to the target is byte for byte the one that the target gets through foreman, and contains
// the image.

import { crc32, deflateSync } from 'node:zlib'
import { expect, onTestFinished, test } from 'vitest'
import type { SeenRequest } from '../../fake-ollama.ts'
import { type ClientMode, type ClientRequest, type ClientResult, nameOf } from './client-mode.ts'
import { MODEL, RIGHT } from './scenario.ts'
import { ScenarioRun } from './scenario-run.ts'

const SIDE = 128

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data])
  const frame = Buffer.alloc(body.length + 8)
  frame.writeUInt32BE(data.length)
  body.copy(frame, 4)
  frame.writeUInt32BE(crc32(body), body.length + 4)
  return frame
}

/** A valid PNG that does not compress: some 50 kB, more than a socket takes at once. */
function makePng(): Buffer {
  const head = Buffer.from([0, 0, 0, SIDE, 0, 0, 0, SIDE, 8, 2, 0, 0, 0])
  const rows = Buffer.alloc((SIDE * 3 + 1) * SIDE)
  let noise = 7
  for (let at = 0; at < rows.length; at++) {
    noise = (Math.imul(noise, 1_103_515_245) + 12_345) >>> 0
    // Each row begins with the number of its filter: none.
    rows[at] = at % (SIDE * 3 + 1) === 0 ? 0 : noise >>> 24
  }
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const chunks = [chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]
  return Buffer.concat([signature, ...chunks])
}

const PNG = makePng().toString('base64')

interface Message {
  readonly images?: readonly string[]
  readonly content: string | readonly Part[]
}

interface Part {
  readonly type: string
  readonly image_url?: { readonly url: string }
  readonly source?: { readonly type: string; readonly media_type: string; readonly data: string }
}

/** Returns the images of a request in the form of its API. */
function imagesIn({ path, json }: SeenRequest): readonly unknown[] {
  const { images = [], messages = [] } = json as Partial<Message> & { readonly messages?: readonly Message[] }
  const parts = messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content))
  if (path === '/v1/chat/completions') return parts.flatMap(({ image_url: image }) => image?.url ?? [])
  if (path === '/v1/messages') return parts.flatMap(({ source }) => source ?? [])
  return [...images, ...messages.flatMap((message) => message.images ?? [])]
}

/** Returns the image in the form of this endpoint. */
function imageAt(endpoint: string): unknown {
  if (endpoint === '/v1/chat/completions') return `data:image/png;base64,${PNG}`
  return endpoint === '/v1/messages' ? { type: 'base64', media_type: 'image/png', data: PNG } : PNG
}

export type SendImage<W extends ClientMode> = (
  way: W,
  asked: ClientRequest & { readonly image: string },
) => Promise<ClientResult>

/** Declares the test for these client modes. */
export function testImages<W extends ClientMode>(ways: readonly W[], tell: SendImage<W>): void {
  test('an image reaches the target byte for byte as the client sent it', async () => {
    // Without keep_alive, foreman changes no byte of the body.
    const scenarioRun = await ScenarioRun.start({ FOREMAN_KEEP_ALIVE: 'none' }, ways)
    onTestFinished(() => scenarioRun.stop())
    for (const way of ways) {
      const bodies: Buffer[] = []
      for (const url of [scenarioRun.fake.url, scenarioRun.tapOf(way).url]) {
        const before = scenarioRun.fake.workers.length
        expect(await tell(way, { url, model: MODEL, image: PNG }), nameOf(way)).toEqual({ kind: 'text', text: RIGHT })
        const [request = expect.fail('the target got no request'), ...more] = scenarioRun.fake.workers.slice(before)
        expect([request.path, more.length], nameOf(way)).toEqual([way.endpoint, 0])
        expect(imagesIn(request), nameOf(way)).toEqual([imageAt(way.endpoint)])
        bodies.push(request.body)
      }
      const [direct, through] = bodies
      expect(through?.equals(direct ?? Buffer.alloc(0)), nameOf(way)).toBe(true)
      // The bytes on the connection to foreman.
      expect(scenarioRun.tapOf(way).asked, nameOf(way)).toContain(through?.toString('latin1'))
    }
  })
}
