import { describe, expect, it } from 'vitest'
import { readDotenv } from '../../src/daemon/config/dotenv.ts'

describe('a .env file', () => {
  it.each([
    ['plain', 'FOREMAN_A=1\n', { FOREMAN_A: '1' }],
    ['with a byte order mark', '\uFEFFFOREMAN_A=1\n', { FOREMAN_A: '1' }],
    ['with CRLF', 'FOREMAN_A=1\r\nFOREMAN_B=2\r\n', { FOREMAN_A: '1', FOREMAN_B: '2' }],
    ['with export', 'export FOREMAN_A=1', { FOREMAN_A: '1' }],
    [
      'with quotes',
      'FOREMAN_A="one two" # why\nFOREMAN_B=\'#3\'\nFOREMAN_C=`x`',
      { FOREMAN_A: 'one two', FOREMAN_B: '#3', FOREMAN_C: 'x' },
    ],
    [
      'with a value of several lines',
      'FOREMAN_A="one\ntwo = 2"\nFOREMAN_B=3',
      { FOREMAN_A: 'one\ntwo = 2', FOREMAN_B: '3' },
    ],
    ['with spaces and comments', '\n  # one\n FOREMAN_A = 1 # two\n\n', { FOREMAN_A: '1' }],
    ['with an empty value', 'FOREMAN_A=', { FOREMAN_A: '' }],
  ])('with %s is parsed without a warning', (_, text, values) => {
    const read = readDotenv(text)
    expect(read.remarks).toEqual([])
    expect({ ...read.values }).toEqual(values)
  })

  it.each([
    ['a line that is no assignment', 'A=1\nFOREMAN_TOKEN s3cret', 2, true],
    ['a line of somebody else that is no assignment', 'words', 1, false],
    ['a # inside an unquoted value', 'FOREMAN_TOKEN=abc#s3cret', 1, true],
    ['a quote that is never closed', 'A=1\nFOREMAN_TOKEN="s3cret\nB=2', 2, true],
    ['something behind the closing quote', 'FOREMAN_TOKEN="abc"s3cret', 1, true],
    ['a stray carriage return', 'FOREMAN_A=1\rs3cret\n', 1, true],
    ['a name that is set twice', 'FOREMAN_A=1\nB=2\nFOREMAN_A=s3cret', 3, false],
  ])('with %s causes a warning with the line number, without the text', (_, text, line, serious) => {
    const { remarks } = readDotenv(text)
    expect(remarks).toEqual([{ line, text: expect.any(String), serious }])
    expect(remarks[0]?.text).not.toContain('s3cret')
  })
})
