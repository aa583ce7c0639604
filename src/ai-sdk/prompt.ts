// Messages of `/api/chat`, made from the AI SDK's prompt. Pure. A part that the target cannot take is an error if leaving it
// out would change the question, otherwise a warning.

import {
  type JSONObject,
  type LanguageModelV4FilePart,
  type LanguageModelV4Message,
  type LanguageModelV4Prompt,
  type LanguageModelV4TextPart,
  type LanguageModelV4ToolResultPart,
  type SharedV4Warning,
  UnsupportedFunctionalityError,
} from '@ai-sdk/provider'
import { isJsonObject } from '../protocol/json.ts'

type AssistantParts = Extract<LanguageModelV4Message, { role: 'assistant' }>['content']

/** Returns messages as Ollama reads them (api/types.go, 0.17.4). Throws UnsupportedFunctionalityError. */
export function messagesOf(prompt: LanguageModelV4Prompt, warnings: SharedV4Warning[]): JSONObject[] {
  return prompt.flatMap((message): JSONObject[] => {
    if (message.role === 'system') return [{ role: 'system', content: message.content }]
    if (message.role === 'user') return [{ role: 'user', ...contentOf(message.content) }]
    if (message.role === 'assistant') return assistantMessages(message.content, warnings)
    // The SDK handles approvals itself; a denial comes as a result.
    return message.content.flatMap((part) => (part.type === 'tool-result' ? [toolMessage(part)] : []))
  })
}

function assistantMessages(parts: AssistantParts, warnings: SharedV4Warning[]): JSONObject[] {
  const shown: (LanguageModelV4TextPart | LanguageModelV4FilePart)[] = []
  const calls: JSONObject[] = []
  const results: JSONObject[] = []
  let thinking = ''
  for (const part of parts) {
    if (part.type === 'text' || part.type === 'file') shown.push(part)
    else if (part.type === 'reasoning') thinking += part.text
    else if (part.type === 'tool-call')
      calls.push({ id: part.toolCallId, function: { name: part.toolName, arguments: argumentsOf(part.input) } })
    else if (part.type === 'tool-result') results.push(toolMessage(part))
    // The parts of kind foreman.state come from this provider's own streams and are not for the model.
    else if (part.type === 'reasoning-file' || part.kind !== 'foreman.state')
      warnings.push({ type: 'unsupported', feature: `${part.type} part of an assistant message` })
  }
  const message: JSONObject = {
    role: 'assistant',
    ...contentOf(shown, ''),
    thinking: thinking === '' ? undefined : thinking,
    tool_calls: calls.length === 0 ? undefined : calls,
  }
  return [message, ...results]
}

/** Ollama accepts only an object. Its 400 for anything else names a Go type. */
function argumentsOf(input: unknown): JSONObject {
  if (isJsonObject(input)) return input as JSONObject
  return input === undefined || input === null ? {} : { input: input as string }
}

function toolMessage({ toolCallId, toolName, output }: LanguageModelV4ToolResultPart): JSONObject {
  return { role: 'tool', ...outputOf(output), tool_name: toolName, tool_call_id: toolCallId }
}

function outputOf(output: LanguageModelV4ToolResultPart['output']): JSONObject {
  switch (output.type) {
    case 'text':
    case 'error-text':
      return { content: output.value }
    case 'json':
    case 'error-json':
      return { content: JSON.stringify(output.value) }
    case 'execution-denied':
      return { content: output.reason ?? 'The tool was not run: its call was denied.' }
    case 'content':
      return contentOf(output.value.filter((part) => part.type !== 'custom'))
  }
}

/** Text parts joined, and images as base64. */
function contentOf(
  parts: readonly (LanguageModelV4TextPart | LanguageModelV4FilePart)[],
  separator = '\n',
): JSONObject {
  const texts: string[] = []
  const images: string[] = []
  for (const part of parts) {
    if (part.type === 'text') texts.push(part.text)
    else if (part.data.type === 'text') texts.push(part.data.text)
    else if (part.mediaType.startsWith('image')) images.push(base64Of(dataOf(part)))
    else texts.push(textOf(part))
  }
  return { content: texts.join(separator), images: images.length === 0 ? undefined : images }
}

/** The SDK downloads every URL that the model cannot read, so a URL that is left could not be downloaded. */
function dataOf({ data, mediaType, filename }: LanguageModelV4FilePart): Uint8Array | string {
  if (data.type === 'data') return data.data
  const message = `${filename ?? mediaType}: a file must be given as bytes, not as a ${data.type}`
  throw new UnsupportedFunctionalityError({ functionality: `file ${data.type}`, message })
}

function textOf(part: LanguageModelV4FilePart): string {
  const { mediaType, filename = mediaType } = part
  const data = dataOf(part)
  if (!mediaType.startsWith('text') && mediaType !== 'application/json')
    throw new UnsupportedFunctionalityError({
      functionality: `file of type ${mediaType}`,
      message: `${filename}: the target reads images and text, not ${mediaType}`,
    })
  const bytes = typeof data === 'string' ? Uint8Array.from(atob(data), (char) => char.charCodeAt(0)) : data
  return new TextDecoder().decode(bytes)
}

/** Converts in chunks, because a function takes fewer arguments than an image has bytes. */
function base64Of(data: Uint8Array | string): string {
  if (typeof data === 'string') return data
  let binary = ''
  for (let at = 0; at < data.length; at += 8_192) binary += String.fromCharCode(...data.subarray(at, at + 8_192))
  return btoa(binary)
}
