import { describe, expect, it } from 'vitest'
import { readDotenv } from '../../src/daemon/config/load.ts'

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
    ['with spaces and comments', '\n  # one\n FOREMAN_A = 1 # two, as in issue#3\n\n', { FOREMAN_A: '1' }],
    ['with lines for other programs', 'words\nB=1\nB=a#b', { B: 'a' }],
    ['with an empty value', 'FOREMAN_A=', { FOREMAN_A: '' }],
  ])('with %s is parsed', (_, text, values) => {
    const read = readDotenv(text)
    expect(read.problems).toEqual([])
    expect({ ...read.values }).toEqual(values)
  })

  it.each([
    ['a line that is not an assignment', 'A=1\nFOREMAN_TOKEN s3cret', 2],
    ['a # inside an unquoted value', 'FOREMAN_TOKEN=abc#s3cret', 1],
    ['a # after the first character of a value', 'export FOREMAN_TOKEN=a#s3cret', 1],
  ])('with %s is a problem with the line number, without the text', (_, text, line) => {
    const { problems } = readDotenv(text)
    expect(problems).toEqual([expect.stringContaining(`.env line ${line} `)])
    expect(problems.join()).not.toContain('s3cret')
  })
})
