// Content-Encoding and charset of a request body. Gives back the body itself, or a decoded copy for reading; what is
// forwarded stays as it came. It never decodes more than Ollama would.

import { zstdDecompress } from 'node:zlib'
import { headerParameters } from './multipart.ts'

export type Coding =
  /**
   * `bytes` is the body itself where nothing had to be decoded. `ignored` is a Content-Encoding that Ollama does not look
   * at: plain JSON under that name is read, and what is not JSON was really encoded.
   */
  | { readonly kind: 'readable'; readonly bytes: Uint8Array; readonly ignored?: string }
  /** 415: `what` is not read here. */
  | { readonly kind: 'unsupported'; readonly what: string }
  | { readonly kind: 'broken'; readonly message: string }

/** What a zstd body may be decoded to: Ollama's own limit since 0.18 (server/cloud_proxy.go, maxDecompressedBodySize). */
const MAX_DECODED = 20 * 1024 * 1024

/**
 * Charsets whose bytes are not ASCII where ASCII is meant. All others are let through: Ollama does not look at the charset
 * and reads UTF-8, and old Java clients call plain ASCII ISO-8859-1.
 */
const NOT_ASCII = /^(utf-?(7|16|32)|ucs-?[24]|iso-10646-ucs|ebcdic|cp037|ibm037)/i

const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd])

/** What Ollama's zstd library says of a body that is none, or of half a one. Its other complaints need its own decoder. */
function wordsOfKlauspost(body: Uint8Array): string {
  const isZstd = ZSTD_MAGIC.equals(body.subarray(0, ZSTD_MAGIC.length))
  return isZstd || body.length < ZSTD_MAGIC.length ? 'unexpected EOF' : 'invalid input: magic number mismatch'
}

const shown = (header: string): string => JSON.stringify(header.slice(0, 60))

/** The body as it can be read; a promise where it must be decoded, which happens on another thread. */
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
      resolve({ kind: 'broken', message: wordsOfKlauspost(body) })
    })
  })
}
