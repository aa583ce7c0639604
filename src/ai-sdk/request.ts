// Body of a native chat, made from a call of the AI SDK. Pure. An option that the target does not support becomes a warning.

import type {
  JSONObject,
  LanguageModelV4CallOptions,
  LanguageModelV4FunctionTool,
  LanguageModelV4ProviderTool,
  SharedV4Warning,
} from '@ai-sdk/provider'
import { messagesOf } from './prompt.ts'
import type { ForemanModelSettings } from './settings.ts'

/** A request of `/api/chat`. Always streamed, so that foreman sees the answer live; `generateText` still gets it whole. */
export type ChatRequest = JSONObject & { model: string }

/** Throws UnsupportedFunctionalityError for a prompt that the target cannot take. Fields that are undefined are not sent. */
export function requestOf(
  model: string,
  settings: ForemanModelSettings,
  call: LanguageModelV4CallOptions,
  warnings: SharedV4Warning[],
): ChatRequest {
  const { responseFormat } = call
  const think = thinkOf(model, settings, call.reasoning, warnings)
  const tools = toolsOf(call, warnings)
  return {
    model,
    messages: messagesOf(call.prompt, warnings),
    stream: true,
    tools: tools.length === 0 ? undefined : tools,
    format: responseFormat?.type === 'json' ? ((responseFormat.schema ?? 'json') as JSONObject) : undefined,
    think,
    keep_alive: settings.keepAlive,
    options: optionsOf(settings, call),
  }
}

function optionsOf(settings: ForemanModelSettings, call: LanguageModelV4CallOptions): JSONObject | undefined {
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
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined))
  const options = { ...(settings.options as JSONObject | undefined), ...given }
  return Object.keys(options).length === 0 ? undefined : options
}

/** Ollama lets the model choose whether to call a tool. A choice can only narrow the list of tools. */
function toolsOf({ tools = [], toolChoice }: LanguageModelV4CallOptions, warnings: SharedV4Warning[]): JSONObject[] {
  if (toolChoice?.type === 'none') return []
  if (tools.length > 0 && (toolChoice?.type === 'required' || toolChoice?.type === 'tool'))
    warnings.push({
      type: 'unsupported',
      feature: `toolChoice ${toolChoice.type}`,
      details: 'Ollama cannot be made to call a tool; the model may answer with text',
    })
  return tools
    .filter(({ name }) => toolChoice?.type !== 'tool' || name === toolChoice.toolName)
    .flatMap((tool) => toolOf(tool, warnings))
}

function toolOf(
  tool: LanguageModelV4FunctionTool | LanguageModelV4ProviderTool,
  warnings: SharedV4Warning[],
): JSONObject[] {
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
  return [{ type: 'function', function: { name, description, parameters: inputSchema as JSONObject } }]
}

/**
 * Returns Ollama's `think`; undefined leaves the choice to the model. Levels cause a 400 for all models but gpt-oss (Ollama
 * 0.17.4, server/routes.go 2237).
 */
function thinkOf(
  model: string,
  settings: ForemanModelSettings,
  reasoning: LanguageModelV4CallOptions['reasoning'] = 'provider-default',
  warnings: SharedV4Warning[],
): boolean | string | undefined {
  if (reasoning === 'provider-default') return settings.think
  if (reasoning === 'none') return false
  if (/(^|\/)gpt-oss/i.test(model)) return LEVELS[reasoning]
  warnings.push({
    type: 'compatibility',
    feature: `reasoning ${reasoning}`,
    details: 'this model thinks or does not: it was told to think',
  })
  return true
}

const LEVELS = { minimal: 'low', low: 'low', medium: 'medium', high: 'high', xhigh: 'high', max: 'high' } as const
