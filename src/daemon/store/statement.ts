// Owns the typed wrapper around prepared statements: names bound, rows read. It never binds undefined (node:sqlite would
// make a silent NULL of it) and never builds SQL.

import type { DatabaseSync } from 'node:sqlite'

export type Value = null | number | string | Uint8Array

export interface Statement<Params extends Readonly<Record<string, Value>>, Row> {
  get(params: Params): Row | undefined
  all(params: Params): Row[]
  /** Rows changed. */
  run(params: Params): number
}

/** No parameters. */
export type None = Readonly<Record<string, never>>

export function prepare<Params extends Readonly<Record<string, Value>> = None, Row = never>(
  db: DatabaseSync,
  sql: string,
): Statement<Params, Row> {
  const statement = db.prepare(sql)
  // Row is the caller's word for the columns it selected: STRICT tables and NOT NULL hold the types of what is stored.
  return {
    get: (params) => statement.get(bound(params)) as Row | undefined,
    all: (params) => statement.all(bound(params)) as Row[],
    run: (params) => Number(statement.run(bound(params)).changes),
  }
}

function bound<Params extends Readonly<Record<string, Value>>>(params: Params): Params {
  for (const name in params) {
    if (params[name] === undefined) throw new TypeError(`statement parameter ${name} is undefined`)
  }
  return params
}

/** STRICT columns of milliseconds take whole numbers only; clocks may give fractions. */
export const whole = (ms: number): number => Math.round(ms)
export const wholeOrNull = (ms: number | null | undefined): number | null => (ms == null ? null : Math.round(ms))
