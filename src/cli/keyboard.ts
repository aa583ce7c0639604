// Keys pressed on the terminal, whatever stdin is. A terminal in raw mode sends Ctrl-C as a key.

import { openSync } from 'node:fs'
import { ReadStream } from 'node:tty'

export const CTRL_C = '\x03'
export const CTRL_Z = '\x1a'

export interface Keyboard {
  /** Restores the terminal. Safe to call twice. */
  close(): void
}

/** Returns null without a terminal. */
export function listenToKeys(pressed: (key: string) => void): Keyboard | null {
  let stream: ReadStream
  try {
    // Not stdin: it may have been the prompt, and then it is at its end.
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
      // The terminal is gone, and its mode with it.
    }
    stream.destroy()
  }
  stream.on('error', close)
  stream.setEncoding('utf8').on('data', (text: string) => {
    // Arrow keys and mouse events begin with an escape, and are ignored.
    if (text.startsWith('\x1b')) return
    for (const key of text) pressed(key)
  })
  process.once('exit', close)
  return { close }
}
