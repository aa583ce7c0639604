// The fields of a form are found in any order and framing, and file contents are never read as fields.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { headerParameters, readForm } from '../../src/daemon/request/multipart.ts'
import { runAtOnce } from '../../src/daemon/text/slices.ts'
import { anyText } from '../any-text.ts'

const TYPE = 'multipart/form-data; boundary=AaB'
const part = (disposition: string, value: string, newline = '\r\n'): string =>
  `--AaB${newline}Content-Disposition: ${disposition}${newline}${newline}${value}${newline}`

function fields(body: string, contentType: string | null = TYPE): Record<string, readonly string[]> {
  const form = runAtOnce(readForm(Buffer.from(body), contentType, ['model', 'language']))
  if (form.kind === 'broken') throw new Error(form.message)
  return Object.fromEntries(form.fields)
}

const MODEL = part('form-data; name="model"', 'tiny')

test.each<[string, string, Record<string, readonly string[]>]>([
  ['a field', `${MODEL}--AaB--\r\n`, { model: ['tiny'] }],
  ['a field without the last line end', `${MODEL}--AaB--`, { model: ['tiny'] }],
  ['two fields', `${MODEL}${part('form-data; name="language"', 'de')}--AaB--`, { model: ['tiny'], language: ['de'] }],
  ['one field twice', `${MODEL}${MODEL}--AaB--`, { model: ['tiny', 'tiny'] }],
  ['a preamble and an epilogue', `hello\r\n${MODEL}--AaB--\r\n${MODEL}`, { model: ['tiny'] }],
  ['blanks behind the boundary', `${MODEL.replace('--AaB', '--AaB \t')}--AaB--`, { model: ['tiny'] }],
  ['bare line feeds', `${part('form-data; name="model"', 'tiny', '\n')}--AaB--\n`, { model: ['tiny'] }],
  ['an unquoted name', `${part('form-data; name=model', 'tiny')}--AaB--`, { model: ['tiny'] }],
  [
    'a name behind other things',
    `${part('Form-Data; x="a;name=b" ; NAME="model"', 'tiny')}--AaB--`,
    { model: ['tiny'] },
  ],
  [
    'a small-letter header among others',
    `--AaB\r\nx: y\r\ncontent-disposition: form-data; name="model"\r\nz: w\r\n\r\ntiny\r\n--AaB--`,
    { model: ['tiny'] },
  ],
  ['an empty value', `${part('form-data; name="model"', '')}--AaB--`, { model: [''] }],
  [
    'a value of several lines',
    `${part('form-data; name="model"', 'a\r\n--AaBc\r\n--Aa')}--AaB--`,
    { model: ['a\r\n--AaBc\r\n--Aa'] },
  ],
  ['an empty file name is none', `${part('form-data; name="model"; filename=""', 'tiny')}--AaB--`, { model: ['tiny'] }],
  ['a file of that name is not a field', `${part('form-data; name="model"; filename="x"', 'tiny')}--AaB--`, {}],
  [
    'a name inside a file name is none',
    `${part('form-data; filename="; name=model"; name="file"', 'tiny')}--AaB--`,
    {},
  ],
  ['a name that stands twice is none', `${part('form-data; name="model"; name="model"', 'tiny')}--AaB--`, {}],
  ['an attachment is not a field', `${part('attachment; name="model"', 'tiny')}--AaB--`, {}],
  ['names are told apart by case', `${part('form-data; name="Model"', 'tiny')}--AaB--`, {}],
  ['a part without headers', `--AaB\r\n\r\nname="model"\r\n${MODEL}--AaB--`, { model: ['tiny'] }],
  ['no parts', '--AaB--\r\n', {}],
])('%s', (_what, body, expected) => expect(fields(body)).toEqual(expected))

test.each<[string, string, string | null, string]>([
  ['no type', MODEL, null, 'the Content-Type is not multipart/form-data'],
  ['another type', MODEL, 'multipart/mixed; boundary=AaB', 'the Content-Type is not multipart/form-data'],
  ['no boundary', MODEL, 'multipart/form-data', 'the Content-Type has no boundary'],
  ['an empty boundary', MODEL, 'multipart/form-data; boundary=""', 'the boundary is empty'],
  ['nothing', '', TYPE, 'the boundary is not in the body'],
  ['another boundary', MODEL, 'multipart/form-data; boundary=other', 'the boundary is not in the body'],
  ['a boundary in the middle of a line', `x${MODEL.trim()}`, TYPE, 'the boundary is not in the body'],
  ['headers that do not end', '--AaB\r\nContent-Disp', TYPE, 'it ends before its last boundary'],
  ['a part that does not end', MODEL, TYPE, 'it ends before its last boundary'],
  [
    'headers without bound',
    `--AaB\r\n${'x: y\r\n'.repeat(5000)}\r\n--AaB--`,
    TYPE,
    'the headers of a part are too long',
  ],
  ['parts without bound', `${MODEL.repeat(1001)}--AaB--`, TYPE, 'it has more than 1000 parts'],
])('%s is rejected', (_what, body, contentType, message) => {
  expect(runAtOnce(readForm(Buffer.from(body), contentType, ['model']))).toEqual({ kind: 'broken', message })
})

test('a boundary may be quoted and contain anything', () => {
  expect(fields(`${MODEL}--AaB--`, 'Multipart/Form-Data; charset=x; Boundary="AaB"')).toEqual({ model: ['tiny'] })
  const boundary = "a b'()+_,-./:=?"
  expect(fields(`${MODEL}--AaB--`.replaceAll('AaB', boundary), `multipart/form-data; boundary="${boundary}"`)).toEqual({
    model: ['tiny'],
  })
})

test.each<[string, Record<string, string>]>([
  ['text/plain', {}],
  ['text/plain;', {}],
  ['text/plain; a=b', { a: 'b' }],
  ['text/plain ;A = "b\\"c\\\\d" ; e=f', { a: 'b"c\\d', e: 'f' }],
  ['x; a="C:\\dir\\file"', { a: 'C:\\dir\\file' }],
  ['x; a="unfinished', {}],
  ['x; a', {}],
])('the parameters of %j are %j', (header, parameters) => {
  expect(Object.fromEntries(headerParameters(header))).toEqual(parameters)
})

test('any form that fetch writes is read', async () => {
  const value = anyText({ maxLength: 30 }).map((text) => text.toWellFormed().replace(/\r\n|\r|\n/g, '\r\n'))
  await fc.assert(
    fc.asyncProperty(value, fc.uint8Array({ maxLength: 100 }), fc.boolean(), async (model, file, fileFirst) => {
      const form = new FormData()
      if (fileFirst) form.append('file', new Blob([file]), 'model"; name=model')
      form.append('model', model)
      if (!fileFirst) form.append('file', new Blob([file]), 'x')
      const response = new Response(form)
      const contentType = response.headers.get('content-type')
      const read = runAtOnce(readForm(await response.bytes(), contentType, ['model']))
      expect(read).toEqual({ kind: 'form', fields: new Map([['model', [model]]]) })
    }),
  )
})
