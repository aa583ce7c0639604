// Reads a multipart/form-data body where it lies: the values of a few fields, nothing of the files. It never copies a file
// and never changes a byte. It refuses the forms that Go's multipart reader refuses.

import { SLICE_BYTES, type Slices } from '../text/slices.ts'

export type FormReading =
  | { readonly kind: 'form'; readonly fields: ReadonlyMap<string, readonly string[]> }
  | { readonly kind: 'broken'; readonly message: string }

const CUT_OFF = 'it ends before its last boundary'
/** Go's limit on parts. The headers of a part may have much less than Go's 10 MiB. */
const MAX_PARTS = 1000
const MAX_PART_HEADER = 16 * 1024
/** RFC 2046, section 5.1.1. A search for a long boundary that almost repeats itself costs its length for each byte. */
const MAX_BOUNDARY = 70
/** A field that names a model is short. A longer one is not read. */
const MAX_FIELD = 64 * 1024

/** Returns what comes before the parameters of a header, in lower case. */
export const mediaType = (header: string): string => (header.split(';', 1)[0] ?? '').trim().toLowerCase()

/**
 * Returns the parameters of a header such as `form-data; name="model"`, by name in lower case. They are read from the left, so
 * that text inside quotes is never taken for a parameter. As in Go, there are none if one is given twice.
 */
export function headerParameters(header: string): ReadonlyMap<string, string> {
  const parameter = /\s*;\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/y
  const found = new Map<string, string>()
  parameter.lastIndex = header.indexOf(';')
  if (parameter.lastIndex < 0) return found
  for (let match = parameter.exec(header); match !== null; match = parameter.exec(header)) {
    const name = (match[1] ?? '').toLowerCase()
    if (found.has(name)) return new Map()
    found.set(name, match[2]?.replace(/\\(["\\])/g, '$1') ?? match[3] ?? '')
  }
  return found
}

/** Returns where the next complete delimiter is that `fits`, or -1. */
function* delimiterAt(
  bytes: Buffer,
  delimiter: Buffer,
  from: number,
  fits: (at: number) => boolean = () => true,
): Slices<number> {
  for (let begun = from; begun < bytes.length; begun += SLICE_BYTES) {
    // A delimiter may begin in this slice and end in the next one.
    const slice = bytes.subarray(begun, begun + SLICE_BYTES + delimiter.length - 1)
    for (let found = slice.indexOf(delimiter); found >= 0; found = slice.indexOf(delimiter, found + 1)) {
      const at = begun + found
      const next = bytes[at + delimiter.length] ?? 0x0a
      const isLast = next === 0x2d && bytes[at + delimiter.length + 1] === 0x2d
      if (!isLast && next !== 0x20 && next !== 0x09 && next !== 0x0d && next !== 0x0a) continue
      if (!fits(at)) continue
      yield found
      return at
    }
    yield Math.min(SLICE_BYTES, bytes.length - begun)
  }
  return -1
}

/** Reads the fields called `names` of a form whose Content-Type is `contentType`. */
export function* readForm(body: Uint8Array, contentType: string | null, names: readonly string[]): Slices<FormReading> {
  const broken = (message: string): FormReading => ({ kind: 'broken', message })
  if (contentType === null || mediaType(contentType) !== 'multipart/form-data') {
    return broken('the Content-Type is not multipart/form-data')
  }
  const boundary = headerParameters(contentType).get('boundary')
  if (boundary === undefined) return broken('the Content-Type has no boundary')
  if (boundary === '') return broken('the boundary is empty')
  if (boundary.length > MAX_BOUNDARY) return broken(`the boundary is longer than ${MAX_BOUNDARY} characters`)

  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const delimiter = Buffer.from(`--${boundary}`, 'latin1')
  const startsLine = (at: number): boolean => at === 0 || bytes[at - 1] === 0x0a
  let at = yield* delimiterAt(bytes, delimiter, 0, startsLine)
  if (at < 0) return broken('the boundary is not in the body')

  const fields = new Map<string, string[]>()
  let newline = ''
  for (let parts = 0; ; parts++) {
    at += delimiter.length
    if (bytes[at] === 0x2d) return { kind: 'form', fields }
    if (parts === MAX_PARTS) return broken(`it has more than ${MAX_PARTS} parts`)
    while (bytes[at] === 0x20 || bytes[at] === 0x09) at++
    // Go goes on with bare line feeds when the first line ends in one.
    if (newline === '') newline = bytes[at] === 0x0a ? '\n' : '\r\n'
    if (bytes.toString('latin1', at, at + newline.length) !== newline)
      return broken('a boundary is followed by other bytes than a line end')

    // From the end of the delimiter's line on, for a part may have no headers at all.
    const headerEnd = bytes.subarray(at, at + MAX_PART_HEADER).indexOf(newline + newline)
    if (headerEnd < 0) {
      return broken(at + MAX_PART_HEADER < bytes.length ? 'the headers of a part are too long' : CUT_OFF)
    }
    const start = at + headerEnd + newline.length * 2
    // An empty part's delimiter may follow its headers at once: their last line end is then its own.
    const end = yield* delimiterAt(bytes, Buffer.from(`${newline}--${boundary}`, 'latin1'), start - newline.length)
    if (end < 0) return broken(CUT_OFF)

    const disposition = /^content-disposition:(.*)$/im.exec(bytes.toString('utf8', at, at + headerEnd))?.[1] ?? ''
    const parameters = headerParameters(disposition)
    const name = mediaType(disposition) === 'form-data' ? parameters.get('name') : undefined
    const isField = (parameters.get('filename') ?? '') === '' && end - start <= MAX_FIELD
    if (name !== undefined && names.includes(name) && isField) {
      fields.set(name, [...(fields.get(name) ?? []), bytes.toString('utf8', start, Math.max(start, end))])
    }
    at = end + newline.length
  }
}
