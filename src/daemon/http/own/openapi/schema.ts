// Words in which the OpenAPI document's schemas are written (JSON Schema 2020-12). Plain objects; they validate nothing.

export type Schema = Readonly<Record<string, unknown>>

export const text = (description?: string): Schema => described({ type: 'string' }, description)
export const time = (description?: string): Schema => described({ type: 'string', format: 'date-time' }, description)
export const count = (description?: string): Schema => described({ type: 'integer', minimum: 0 }, description)
export const yesOrNo = (description?: string): Schema => described({ type: 'boolean' }, description)
export const oneOf = (words: readonly string[], description?: string): Schema =>
  described({ type: 'string', enum: words }, description)
export const listOf = (items: Schema): Schema => ({ type: 'array', items })
export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` })

/** The schema, or null. */
export function orNull(schema: Schema): Schema {
  const { type, ...rest } = schema
  if (type === undefined || 'enum' in schema) return { anyOf: [schema, { type: 'null' }] }
  return { type: [type, 'null'], ...rest }
}

/** An object with all of `required` and perhaps some of `optional`. It may grow: clients must ignore what they do not know. */
export function object(
  required: Readonly<Record<string, Schema>>,
  optional: Readonly<Record<string, Schema>> = {},
): Schema {
  return { type: 'object', required: Object.keys(required), properties: { ...required, ...optional } }
}

const described = (schema: Schema, description: string | undefined): Schema =>
  description === undefined ? schema : { ...schema, description }
