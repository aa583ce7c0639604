// Messages of `/api/chat`, made from the SDK's prompt. Pure. A part that the target cannot take is an error if leaving it out would
// change the question, otherwise a warning.

import { UnsupportedError } from './sdk-error.ts'
import type {
  AssistantPart,
  FilePart,
  JsonObject,
  Message,
  TextPart,
  ToolResultPart,
  Warning,
} from './specification.ts'

/** A message as Ollama reads it (api/types.go, 0.17.4). */
type PromptText = JsonObject

interface Heard {
  readonly texts: string[]
  /** Base64. */
  readonly images: string[]
}

/** Throws UnsupportedError. */
export function messagesOf(prompt: readonly Message[], warnings: Warning[]): PromptText[] {
  return prompt.flatMap((message): PromptText[] => {
    if (message.role === 'system') return [{ role: 'system', content: message.content }]
    if (message.role === 'user') return [{ role: 'user', ...wordsOf(message.content) }]
    if (message.role === 'assistant') return assistantMessages(message.content, warnings)
    // An approval is the SDK's own business; a denial comes as a result.
    return message.content.flatMap((part) => (part.type === 'tool-result' ? [toolMessage(part)] : []))
  })
}

function assistantMessages(parts: readonly AssistantPart[], warnings: Warning[]): PromptText[] {
  const said: (TextPart | FilePart)[] = []
  const calls: JsonObject[] = []
  const results: PromptText[] = []
  let thinking = ''
  for (const part of parts) {
    if (part.type === 'text' || part.type === 'file') said.push(part)
    else if (part.type === 'reasoning') thinking += part.text
    else if (part.type === 'tool-call') calls.push(toolCall(part))
    else if (part.type === 'tool-result') results.push(toolMessage(part))
    // Parts that this provider put into a stream are not for the model.
    else if (part.type === 'reasoning-file' || part.kind !== 'foreman.state')
      warnings.push({ type: 'unsupported', feature: `${part.type} part of an assistant message` })
  }
  const message: PromptText = {
    role: 'assistant',
    ...wordsOf(said, ''),
    ...(thinking === '' ? {} : { thinking }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  }
  return [message, ...results]
}

function toolCall({ toolCallId, toolName, input }: AssistantPart & { type: 'tool-call' }): JsonObject {
  return { id: toolCallId, function: { name: toolName, arguments: argumentsOf(input) } }
}

/** Ollama takes an object only, and answers anything else with a 400 that names a Go type. */
function argumentsOf(input: unknown): JsonObject {
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as JsonObject
  return input === undefined || input === null ? {} : { input: input as string }
}

function toolMessage({ toolCallId, toolName, output }: ToolResultPart): PromptText {
  return { role: 'tool', ...outputOf(output), tool_name: toolName, tool_call_id: toolCallId }
}

function outputOf(output: ToolResultPart['output']): JsonObject {
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
      return wordsOf(output.value.filter((part) => part.type !== 'custom'))
  }
}

function wordsOf(parts: readonly (TextPart | FilePart)[], between = '\n'): JsonObject {
  const heard: Heard = { texts: [], images: [] }
  for (const part of parts) {
    if (part.type === 'text') heard.texts.push(part.text)
    else addFile(part, heard)
  }
  return { content: heard.texts.join(between), ...(heard.images.length === 0 ? {} : { images: heard.images }) }
}

function addFile({ data, mediaType, filename }: FilePart, { texts, images }: Heard): void {
  const name = filename ?? mediaType
  if (data.type === 'text') texts.push(data.text)
  // The SDK downloads every address that the model cannot read by itself, so this one could not be downloaded.
  else if (data.type !== 'data')
    throw new UnsupportedError(`file ${data.type}`, `${name}: a file must be given as bytes, not as a ${data.type}`)
  else if (mediaType.startsWith('image')) images.push(base64Of(data.data))
  else if (mediaType.startsWith('text') || mediaType === 'application/json') texts.push(textOf(data.data))
  else
    throw new UnsupportedError(
      `file of type ${mediaType}`,
      `${name}: the target reads images and text, not ${mediaType}`,
    )
}

/** In pieces: a whole picture would be more arguments than a call may have. */
function base64Of(data: Uint8Array | string): string {
  if (typeof data === 'string') return data
  let binary = ''
  for (let at = 0; at < data.length; at += 8_192) binary += String.fromCharCode(...data.subarray(at, at + 8_192))
  return btoa(binary)
}

function textOf(data: Uint8Array | string): string {
  const bytes = typeof data === 'string' ? Uint8Array.from(atob(data), (char) => char.charCodeAt(0)) : data
  return new TextDecoder().decode(bytes)
}
