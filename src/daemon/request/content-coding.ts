// Content-Encoding and charset of a request body. Returns the body itself, or a decoded copy for reading; the forwarded bytes
// stay as they came. It never decodes more than Ollama would.

import { zstdDecompress } from 'node:zlib'
import { headerParameters } from './multipart.ts'

export type Coding =
  /**
   * `bytes` is the body itself if nothing had to be decoded. `ignored` is a Content-Encoding that Ollama ignores: plain JSON
   * with that header is read, and anything else was really encoded.
   */
  | { readonly kind: 'readable'; readonly bytes: Uint8Array; readonly ignored?: string }
  /** 415: `what` is not read here. */
  | { readonly kind: 'unsupported'; readonly what: string }
  | { readonly kind: 'broken'; readonly message: string }

/** Ollama's own limit since 0.18 for a decoded zstd body (server/cloud_proxy.go, maxDecompressedBodySize). */
const MAX_DECODED = 20 * 1024 * 1024

/**
 * Charsets in which ASCII text has other bytes. All others are accepted: Ollama ignores the charset and reads UTF-8, and old
 * Java clients call plain ASCII ISO-8859-1.
 */
const NOT_ASCII = /^(utf-?(7|16|32)|ucs-?[24]|iso-10646-ucs|ebcdic|cp037|ibm037)/i

const shown = (header: string): string => JSON.stringify(header.slice(0, 60))

/** Returns the readable body, or a promise if it must be decoded, which happens on another thread. */
export function decodeBody(
  body: Uint8Array,
  contentType: string | null,
  contentEncoding: string | null,
): Coding | Promise<Coding> {
  const charset = headerParameters(contentType ?? '').get('charset') ?? ''
  if (NOT_ASCII.test(charset)) return { kind: 'unsupported', what: `charset ${shown(charset)}` }
  const coding = (contentEncoding ?? '').trim().toLowerCase()
  if (coding === '' || coding === 'identity') return { kind: 'readable', bytes: body }
  if (coding !== 'zstd') return { kind: 'readable', bytes: body, ignored: `Content-Encoding ${shown(coding)}` }
  return new Promise((resolve) => {
    zstdDecompress(body, { maxOutputLength: MAX_DECODED }, (error, bytes) => {
      if (error === null) return resolve({ kind: 'readable', bytes })
      const tooLarge = 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
      if (tooLarge) return resolve({ kind: 'unsupported', what: 'zstd body of more than 20 MiB when decoded' })
      resolve({ kind: 'broken', message: 'the body is not zstd, or ends early' })
    })
  })
}
