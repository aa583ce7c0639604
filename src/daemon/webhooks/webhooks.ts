// Owns the words between the daemon and the code that calls receivers: one POST, and what came of it. No code here.

import type { DeliveryOutcome } from '../domain/delivery.ts'

export interface OutgoingWebhook {
  /** As it was submitted; judged anew at each sending. */
  readonly url: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface Webhooks {
  /**
   * POSTs it once, to an address that the policy allows, within 15 s in all. What the receiver says beside its status and
   * `Retry-After` is read (at most 16 KiB) and thrown away. `aborted`: by the signal, before a status came; it may have
   * arrived. Never rejects for what a resolver, a network or a receiver does.
   */
  post(webhook: OutgoingWebhook, signal: AbortSignal): Promise<DeliveryOutcome | { readonly kind: 'aborted' }>
}
