// Catalogue of request bodies that once took memory or time out of proportion to their size, as data. Tests of memory or
// time use all rows. It asserts nothing.

export interface HardInput {
  /** What is hard about it: a plain phrase. */
  readonly name: string
  readonly path: string
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, string>>
  /** At about this size; the text is one character a byte. */
  readonly body: (bytes: number) => string
  /** Sent in HTTP chunks of this many bytes. Absent: with a Content-Length. */
  readonly chunkBytes?: number
}

const repeated = (before: string, piece: string, after: string) => (bytes: number) =>
  before + piece.repeat(Math.max(1, Math.floor((bytes - before.length - after.length) / piece.length))) + after

const CHAT_END = '"messages":[{"role":"user","content":"x"}]}'

/** Bodies that must be looked at byte by byte. */
export const HARD_BODIES: readonly HardInput[] = [
  { name: 'millions of members', path: '/api/chat', body: repeated('{', '"a":1,', `"model":"a",${CHAT_END}`) },
  {
    name: 'millions of keys that begin as a known one does',
    path: '/api/chat',
    body: repeated('{', '"mode":1,', `"model":"a",${CHAT_END}`),
  },
  {
    name: 'millions of escaped keys',
    path: '/api/chat',
    body: repeated('{', '"\\u006dodeX":1,', `"model":"a",${CHAT_END}`),
  },
  { name: 'one long string', path: '/api/generate', body: repeated('{"model":"a","prompt":"', 'x', '"}') },
  { name: 'one long string of escapes', path: '/api/generate', body: repeated('{"model":"a","prompt":"', '\\n', '"}') },
  { name: 'one long key', path: '/api/generate', body: repeated('{"model":"a","', 'm', '":1}') },
  { name: 'one long number', path: '/api/generate', body: repeated('{"model":"a","seed":', '1', '}') },
  {
    name: 'a long number as an option',
    path: '/api/generate',
    body: repeated('{"model":"a","options":{"num_ctx":', '1', '}}'),
  },
  {
    name: 'millions of options',
    path: '/api/generate',
    body: repeated('{"model":"a","options":{', '"num_ctx":1,', '"x":1}}'),
  },
  { name: 'white space before the body', path: '/api/generate', body: repeated('', ' ', '{"model":"a"}') },
  {
    name: 'white space in an empty array',
    path: '/v1/chat/completions',
    body: repeated('{"model":"a","messages":[', ' ', ']}'),
  },
  { name: 'white space between two members', path: '/api/chat', body: repeated('{"model":"a"', '\n', `,${CHAT_END}`) },
  {
    name: 'nested arrays side by side',
    path: '/api/chat',
    body: repeated('{"model":"a","x":[', '[1],', `1],${CHAT_END}`),
  },
  { name: 'a model name that is as long as the body', path: '/api/generate', body: repeated('{"model":"', 'a/', '"}') },
  {
    name: 'a keep_alive of millions of units',
    path: '/api/generate',
    body: repeated('{"model":"a","keep_alive":"', '1h', '"}'),
  },
  {
    name: 'a keep_alive of millions of digits',
    path: '/api/generate',
    body: repeated('{"model":"a","keep_alive":', '9', '}'),
  },
  { name: 'a body that is not JSON', path: '/api/chat', body: repeated('', 'x', '') },
  { name: 'a body that ends in the middle', path: '/api/chat', body: repeated('{"model":"a","x":[', '{"y":"z"},', '') },
  {
    name: 'a job of millions of members',
    path: '/jobs',
    body: repeated('{"label":"l",', '"s":1,', `"model":"a",${CHAT_END}`),
  },
  {
    name: 'a job whose own key is set apart',
    path: '/jobs',
    body: repeated('{"s', '_', `":1,"model":"a",${CHAT_END}`),
  },
  {
    name: 'a job with millions of events',
    path: '/jobs',
    body: repeated('{"model":"a","webhook_events":[', '"done",', '"done"]}'),
  },
  {
    name: 'a job with a format of millions of members',
    path: '/jobs',
    body: repeated(
      '{"endpoint":"/v1/chat/completions","response_format":{',
      '"t":1,',
      `"type":"text"},"model":"a",${CHAT_END}`,
    ),
  },
  {
    name: 'a form that is full of almost delimiters',
    path: '/v1/audio/transcriptions',
    contentType: 'multipart/form-data; boundary=b',
    body: repeated('--b\r\ncontent-disposition: form-data; name=file; filename=f\r\n\r\n', '\r\n--bx', '\r\n--b--\r\n'),
  },
  {
    name: 'a form that is full of delimiters in the middle of a line',
    path: '/v1/audio/transcriptions',
    contentType: 'multipart/form-data; boundary=b',
    body: repeated('', 'x--b ', ''),
  },
  {
    name: 'a form whose boundary almost repeats itself',
    path: '/v1/audio/transcriptions',
    contentType: `multipart/form-data; boundary=b${'a'.repeat(69)}`,
    body: repeated('', 'a', ''),
  },
  {
    name: 'a form whose boundary is as long as a header may be',
    path: '/v1/audio/transcriptions',
    contentType: `multipart/form-data; boundary=b${'a'.repeat(12_000)}`,
    body: repeated('', 'a', ''),
  },
  {
    name: 'a show request that is as long as a body may be',
    path: '/api/show',
    body: repeated('{"model":"a","x":[', '1,', '1]}'),
  },
  {
    name: 'an embedding of millions of inputs',
    path: '/api/embed',
    body: repeated('{"model":"a","input":[', '"a",', '"a"]}'),
  },
]

/** Bodies whose framing costs more than their bytes. */
export const HARD_FRAMINGS: readonly HardInput[] = [
  '/api/chat',
  '/api/embed',
  '/api/show',
  '/jobs',
  '/v1/messages/count_tokens',
].map((path) => ({
  name: `chunks of one byte to ${path}`,
  path,
  body: repeated('{"model":"a","x":"', 'x', `",${CHAT_END}`),
  chunkBytes: 1,
}))
