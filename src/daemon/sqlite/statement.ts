// Typed statements of one connection. They bind named parameters by position, round numbers, and never bind undefined, which
// node:sqlite would silently turn into NULL.

import type { DatabaseSync } from 'node:sqlite'

export type Value = null | number | string | Uint8Array
/** Parameters of a statement that names them at run time. */
export type Values = Readonly<Record<string, Value>>
type None = Readonly<Record<string, never>>
type Bindable<P> = { readonly [Name in keyof P]: Value }
/** The arguments of a statement: its parameters, or nothing. */
type Given<P> = P extends None ? [] : [params: P]

export type Statements = ReturnType<typeof statementsOf>

/**
 * Each method prepares a statement and returns it as a function. `Row` is the type of the selected columns: STRICT tables and
 * NOT NULL enforce the stored types.
 */
export function statementsOf(db: DatabaseSync) {
  return {
    /** The function returns the first row; null if there is none. */
    one<Row, P extends Bindable<P> = None>(sql: string) {
      const { statement, values } = prepare(db, sql)
      return (...given: Given<P>) => (statement.get(...values(given)) as Row | undefined) ?? null
    },
    all<Row, P extends Bindable<P> = None>(sql: string) {
      const { statement, values } = prepare(db, sql)
      return (...given: Given<P>) => statement.all(...values(given)) as Row[]
    },
    /** The function returns the number of changed rows. */
    run<P extends Bindable<P> = None>(sql: string) {
      const { statement, values } = prepare(db, sql)
      return (...given: Given<P>) => Number(statement.run(...values(given)).changes)
    },
  }
}

/**
 * Rewrites `$name` as `?1`. SQLite looks up each name among all of them at every call: for the 21 names of a new job that
 * was 7 of 11 µs.
 */
function prepare(db: DatabaseSync, sql: string) {
  const names: string[] = []
  const numbered = sql.replace(/\$([A-Za-z]\w*)/g, (_, name: string) => {
    if (!names.includes(name)) names.push(name)
    return `?${names.indexOf(name) + 1}`
  })
  return {
    statement: db.prepare(numbered),
    values([params]: readonly object[]): Value[] {
      return names.map((name) => {
        const value = (params as Partial<Values>)[name]
        if (value === undefined) throw new TypeError(`statement parameter ${name} is undefined`)
        // STRICT integer columns take whole numbers only, and clocks may return fractions.
        return typeof value === 'number' ? Math.round(value) : value
      })
    },
  }
}
