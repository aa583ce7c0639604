// Constructors of the OpenAPI document's schemas (JSON Schema 2020-12). They build plain objects and validate nothing.

export type Schema = Readonly<Record<string, unknown>>

/** One schema for each key of a document of src/protocol/. */
export type Described<T> = Readonly<Record<keyof T, Schema>>

const described =
  (schema: Schema) =>
  (description?: string): Schema =>
    description === undefined ? schema : { ...schema, description }

export const text = described({ type: 'string' })
export const time = described({ type: 'string', format: 'date-time' })
export const count = described({ type: 'integer', minimum: 0 })
export const amount = described({ type: 'number', minimum: 0 })
export const yesOrNo = described({ type: 'boolean' })
export const oneOf = (words: readonly string[], description?: string): Schema =>
  described({ type: 'string', enum: words })(description)
export const listOf = (items: Schema): Schema => ({ type: 'array', items })
export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })

/** The schema, or null. */
export function orNull(schema: Schema): Schema {
  const { type, ...rest } = schema
  if (type === undefined || 'enum' in schema) return { anyOf: [schema, { type: 'null' }] }
  return { type: [type, 'null'], ...rest }
}

/** An object with all of `keys`, except that those in `optional` may be absent. Other keys are allowed. */
export function object<T = Schema>(keys: Described<T>, optional: readonly (keyof T & string)[] = []): Schema {
  const required = Object.keys(keys).filter((key) => !optional.some((one) => one === key))
  return { type: 'object', required, properties: keys }
}
