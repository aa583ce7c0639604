// A model that really thinks and really calls tools, made of tiny-a. The tiny models say words at random, but always the same
// ones: so words that they say are the tags of what they think, and what they answer is forced into a call by the format.

export const ACTING = 'tiny-acts'

export const ACTING_TEMPLATE =
  '{{- if .Tools }}tools: {{ .Tools }} {{ end }}{{- range .Messages }}{{- if .Thinking }}small{{ .Thinking }}spell{{ end }}' +
  '{{ .Role }}: {{ .Content }}{{- if .ToolCalls }}[{{ range .ToolCalls }}{{ .Function.Name }}{{ end }}]{{ end }} {{ end }}'

const weather = {
  name: 'weather',
  description: 'of a town',
  parameters: { type: 'object', properties: { town: { type: 'string' } }, required: ['town'] },
}

export const ACTING_TOOLS = [{ type: 'function', function: weather }] as const

/** The schema of an answer that is a call of `weather` for a town. */
const callOf = (town: string) => ({
  type: 'object',
  properties: {
    name: { const: 'weather' },
    arguments: { type: 'object', properties: { town: { const: town } }, required: ['town'] },
  },
  required: ['name', 'arguments'],
})

/** The format of an answer of two calls. Anthropic's surface knows no format, so that no call can be had there. */
export const TWO_CALLS = { prefixItems: [callOf('Łódź'), callOf('<&> "x"')] } as const
