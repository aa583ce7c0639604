// Body of a native chat, made from a call of the SDK. Pure. What the target cannot do becomes a warning.

import { messagesOf } from './prompt.ts'
import type { ForemanModelSettings } from './settings.ts'
import type { CallOptions, JsonObject, Tool, Warning } from './specification.ts'

/** A request of `/api/chat`, always streamed: foreman sees it live, and `generateText` gets the whole all the same. */
export interface ChatRequest extends JsonObject {
  model: string
}

/** Throws UnsupportedError for a prompt that the target cannot take. */
export function requestOf(
  model: string,
  settings: ForemanModelSettings,
  call: CallOptions,
  warnings: Warning[],
): ChatRequest {
  const think = thinkOf(model, settings, call.reasoning, warnings)
  const tools = toolsOf(call, warnings)
  const options = optionsOf(settings, call)
  return {
    model,
    messages: messagesOf(call.prompt, warnings),
    stream: true,
    ...(tools.length === 0 ? {} : { tools }),
    ...(call.responseFormat?.type === 'json' ? { format: (call.responseFormat.schema ?? 'json') as JsonObject } : {}),
    ...(think === undefined ? {} : { think }),
    ...(settings.keepAlive === undefined ? {} : { keep_alive: settings.keepAlive }),
    ...(Object.keys(options).length === 0 ? {} : { options }),
  }
}

function optionsOf(settings: ForemanModelSettings, call: CallOptions): JsonObject {
  const own = {
    num_predict: call.maxOutputTokens,
    temperature: call.temperature,
    top_p: call.topP,
    top_k: call.topK,
    seed: call.seed,
    stop: call.stopSequences,
    presence_penalty: call.presencePenalty,
    frequency_penalty: call.frequencyPenalty,
  }
  const given = Object.entries(own).filter(([, value]) => value !== undefined)
  return { ...(settings.options as JsonObject | undefined), ...Object.fromEntries(given) }
}

/** Ollama lets the model choose; a choice can only be narrowed by what is offered. */
function toolsOf({ tools = [], toolChoice }: CallOptions, warnings: Warning[]): JsonObject[] {
  if (tools.length === 0 || toolChoice?.type === 'none') return []
  if (toolChoice?.type === 'required' || toolChoice?.type === 'tool')
    warnings.push({
      type: 'unsupported',
      feature: `toolChoice ${toolChoice.type}`,
      details: 'Ollama cannot be made to call a tool; the model may answer with text',
    })
  const offered = toolChoice?.type === 'tool' ? tools.filter(({ name }) => name === toolChoice.toolName) : tools
  return offered.flatMap((tool) => toolOf(tool, warnings))
}

function toolOf(tool: Tool, warnings: Warning[]): JsonObject[] {
  if (tool.type === 'provider') {
    warnings.push({ type: 'unsupported', feature: `provider tool ${tool.id}` })
    return []
  }
  const { name, description, inputSchema, strict } = tool
  if (strict === true)
    warnings.push({
      type: 'unsupported',
      feature: `strict mode of tool ${name}`,
      details: 'its input is not constrained',
    })
  const parameters = inputSchema as JsonObject
  return [{ type: 'function', function: { name, ...(description === undefined ? {} : { description }), parameters } }]
}

/** Undefined: as the model does by itself. Levels are a 400 for all but gpt-oss (Ollama 0.17.4, server/routes.go 2237). */
function thinkOf(
  model: string,
  settings: ForemanModelSettings,
  reasoning: CallOptions['reasoning'] = 'provider-default',
  warnings: Warning[],
): boolean | string | undefined {
  if (reasoning === 'provider-default') return settings.think
  if (reasoning === 'none') return false
  const hasLevels = /(^|\/)gpt-oss/i.test(model)
  if (!hasLevels)
    warnings.push({
      type: 'compatibility',
      feature: `reasoning ${reasoning}`,
      details: 'this model thinks or does not: it was told to think',
    })
  return hasLevels ? LEVELS[reasoning] : true
}

const LEVELS = { minimal: 'low', low: 'low', medium: 'medium', high: 'high', xhigh: 'high', max: 'high' } as const
