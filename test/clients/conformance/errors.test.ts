// Every error in the table is tested with real clients, or a list says why no client can get it.

import { expect, test } from 'vitest'
import { ERRORS, type ErrorCode } from '../../../src/protocol/error.ts'
import { ERROR_CASES, NEVER_MET } from './errors.ts'
import { SCENARIOS } from './scenario.ts'

const CODES = Object.keys(ERRORS) as readonly ErrorCode[]
const whoSay = (sentence: string) => CODES.filter((code) => ERRORS[code].message.includes(sentence))

/** Errors after the beginning of an answer. Two of them share a message, so a message proves neither. */
const late = SCENARIOS.flatMap(({ expected: truth }) => truth.sentences)
  .map(whoSay)
  .filter(({ length }) => length === 1)
  .flat()

const isMet = (code: ErrorCode): boolean => late.includes(code) || ERROR_CASES.some((error) => error.code === code)

test('every error of the table is tested with real clients or has a reason not to be, never both', () => {
  expect(CODES.filter((code) => isMet(code) === code in NEVER_MET)).toEqual([])
})

test('every case has the status and message of the table', () => {
  const own = ERROR_CASES.flatMap(({ code, status }) => (code === null ? [] : [[code, status] as const]))
  expect(own.length).toBeGreaterThan(15)
  for (const [code, status] of own) expect([code, ERRORS[code].status]).toEqual([code, status])
})
