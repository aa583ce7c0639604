// Prompt of `foreman submit`: arguments, files and stdin, in this order, with a blank line between them. A file that is
// neither text nor a picture is refused.

import { readFile } from 'node:fs/promises'
import { fileErrorText } from '../daemon/text/system-error.ts'
import { CommandError, EXIT } from './exit.ts'
import type { Image } from './job-body.ts'
import { printable } from './terminal.ts'

export interface Prompt {
  readonly text: string
  readonly images: readonly Image[]
}

/** After this a hint says that the command waits for stdin: a pipe may have been left open by mistake. */
const STDIN_HINT_MS = 2_000

const usage = (text: string): CommandError => new CommandError(EXIT.usage, `foreman: ${text}`)

/** Returns null without a prompt: neither an argument nor a file was given, and stdin is a terminal. */
export async function readPrompt(words: string | undefined, files: readonly string[]): Promise<Prompt | null> {
  const texts: string[] = []
  const images: Image[] = []
  if (words !== undefined && words !== '-') texts.push(words)
  for (const path of files) {
    const bytes = await readNamed('--file', path)
    const mediaType = pictureType(bytes)
    if (mediaType === null) texts.push(textOf(bytes, path))
    else images.push({ mediaType, base64: bytes.toString('base64') })
  }
  // `-` reads stdin at a terminal too. Piped input is always part of the prompt.
  if (words === '-' || !process.stdin.isTTY) {
    const piped = textOf(await readStdin(), 'stdin')
    if (piped !== '') texts.push(piped)
  } else if (texts.length === 0 && images.length === 0) return null
  const text = texts.join('\n\n')
  if (text.trim() === '' && images.length === 0) throw usage('the prompt is empty')
  return { text, images }
}

export async function readNamed(flag: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw usage(`${flag} ${printable(path)} cannot be read: ${fileErrorText(error)}`)
  }
}

export async function readStdin(): Promise<Buffer> {
  const parts: Buffer[] = []
  const hint = setTimeout(() => {
    if (process.stdin.isTTY) return
    process.stderr.write('foreman: waiting for the end of stdin; if there is none, add </dev/null\n')
  }, STDIN_HINT_MS)
  try {
    for await (const part of process.stdin) parts.push(Buffer.from(part))
  } catch {
    // A closed stdin is empty.
  } finally {
    clearTimeout(hint)
  }
  return Buffer.concat(parts)
}

/** Removes one line end at the end: nearly every file has one, and it is not meant as part of the prompt. */
function textOf(bytes: Buffer, origin: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '')
  } catch {
    throw usage(`${printable(origin)} is neither UTF-8 text nor a picture (PNG, JPEG, GIF, WebP)`)
  }
}

function pictureType(bytes: Buffer): string | null {
  const head = bytes.subarray(0, 12).toString('latin1')
  if (head.startsWith('\x89PNG\r\n')) return 'image/png'
  if (head.startsWith('\xff\xd8\xff')) return 'image/jpeg'
  if (/^GIF8[79]a/.test(head)) return 'image/gif'
  return /^RIFF....WEBP/s.test(head) ? 'image/webp' : null
}
