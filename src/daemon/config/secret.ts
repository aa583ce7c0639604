// Parsers of secrets. Their messages must not quote any part of the secret.

import { type WebhookKey, webhookKey } from '../../protocol/webhook.ts'
import { type Parsed, type Parser, refused, value } from '../text/grammar.ts'

/** Placeholders from published examples. As a secret they would be known to everyone. */
const PLACEHOLDERS = ['changeme', 'change-me', 'change_me', 'change_it', 'replaceme']

/** A bearer token. It is sent in a header, so it must be valid there. */
export const token: Parser<string> = {
  noun: 'token',
  allowed: 'visible ASCII characters without spaces',
  parse(text) {
    if (PLACEHOLDERS.includes(text.toLowerCase())) return refused('is a placeholder, not a secret')
    if (/[\r\n]/.test(text)) return refused('contains a line break')
    return /^[\x21-\x7e]+$/.test(text)
      ? value(text)
      : refused('contains a space or a character that is not allowed in a header')
  },
}

/**
 * Credentials of HTTP Basic authentication (RFC 7617): the user ends at the first colon; the password may contain
 * colons.
 */
export const basicCredentials: Parser<string> = {
  noun: 'credentials',
  allowed: '`user:password`, without control characters',
  parse(text) {
    if (/\p{Cc}/u.test(text)) return refused('contains a line break or another control character')
    if (!text.includes(':')) return refused('has no colon between user and password')
    const [, password = ''] = /^[^:]*:(.*)$/.exec(text) ?? []
    return PLACEHOLDERS.includes(password.toLowerCase()) ? refused('has a placeholder as its password') : value(text)
  },
}

/**
 * Webhook keys, newest first. `whsec_` marks base64, as in Standard Webhooks; any other text stands for its UTF-8
 * bytes.
 */
export const webhookSecrets: Parser<readonly WebhookKey[]> = {
  noun: 'secrets',
  allowed: 'one or several, comma-separated, each `whsec_` and base64, or any text without commas',
  parse(text) {
    const keys: WebhookKey[] = []
    for (const [index, part] of text.split(',').entries()) {
      const key = readKey(part.trim())
      if (key.kind === 'refused') return refused(`${key.why} (number ${index + 1} of the list)`)
      keys.push(key.value)
    }
    return value(keys)
  },
}

function readKey(text: string): Parsed<WebhookKey> {
  if (text === '') return refused('has an empty item')
  if (/\p{Cc}/u.test(text)) return refused('contains a control character')
  const key = webhookKey(text)
  return key === null ? refused('is not base64 after whsec_') : value(key)
}
