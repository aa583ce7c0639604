// Interface between the daemon and the code that calls webhook receivers.

import type { DeliveryOutcome } from '../domain/delivery.ts'

export interface OutgoingWebhook {
  /** As submitted; checked against the policy at each try. */
  readonly url: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface Webhooks {
  /**
   * POSTs the webhook once, to an address that the policy allows, within 15 s. Of the answer it uses only the status
   * and `Retry-After`; the rest is read (at most 16 KiB) and discarded. `aborted`: the signal fired before a status
   * came; the webhook may have arrived. Never rejects because of a resolver, a network or a receiver.
   */
  post(webhook: OutgoingWebhook, signal: AbortSignal): Promise<DeliveryOutcome | { readonly kind: 'aborted' }>
}
