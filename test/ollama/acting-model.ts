// Model made from tiny-a that thinks and calls tools. The tiny models produce random words, but always the same ones. Words
// of this model serve as its thinking tags, and a format forces its answer into a tool call.

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

/**
 * The format of an answer of two calls. No call can be forced on `/v1/messages` (read in Ollama 0.17.4 and 0.34.4): it passes on no
 * format, it does not read `tool_choice`, and the template's parser reads the model's output only, never a last assistant
 * message. A call needs the name of the tool and a JSON object in that output, which random words do not contain.
 */
export const TWO_CALLS = { prefixItems: [callOf('Łódź'), callOf('<&> "x"')] } as const
