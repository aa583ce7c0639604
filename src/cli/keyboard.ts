// Owns keys pressed on the terminal itself, wherever stdin comes from. A terminal in raw mode sends Ctrl-C as a key.

import { openSync } from 'node:fs'
import { ReadStream } from 'node:tty'

export const CTRL_C = '\x03'
export const CTRL_Z = '\x1a'

export interface Keyboard {
  /** Gives the terminal back as it was. Safe twice. */
  close(): void
}

/** Null where there is no terminal. */
export function listenToKeys(pressed: (key: string) => void): Keyboard | null {
  let stream: ReadStream
  try {
    // Not stdin: the prompt may have come through it, and then it is at its end.
    stream = new ReadStream(openSync('/dev/tty', 'r'))
    stream.setRawMode(true)
  } catch {
    return null
  }
  let isOpen = true
  const close = (): void => {
    if (!isOpen) return
    isOpen = false
    process.off('exit', close)
    try {
      stream.setRawMode(false)
    } catch {
      // The terminal went away, and its mode with it.
    }
    stream.destroy()
  }
  stream.on('error', close)
  stream.setEncoding('utf8').on('data', (text: string) => {
    // What a terminal sends for an arrow or a mouse begins with an escape: no key of ours.
    if (text.startsWith('\x1b')) return
    for (const key of text) pressed(key)
  })
  process.once('exit', close)
  return { close }
}
