// Owns the shape of the settings after they were read: every value parsed, bounded and in its unit. The table that
// yields it is options.ts; nothing outside config/ reads env or argv.

import type { WebhookKey } from '../../protocol/webhook.ts'

export interface Config {
  /** Origin and path prefix of the target, without a trailing slash. */
  readonly ollamaUrl: string
  readonly ollamaToken: string | null
  /** `user:password`. */
  readonly ollamaBasic: string | null
  /** `host` is '' for every interface. */
  readonly addr: { readonly host: string; readonly port: number }
  readonly token: string | null
  readonly db: string
  readonly embedModel: string | null
  /** As Ollama reads it (`30m`), put into requests that carry none; null = never edit. */
  readonly keepAlive: string | null
  readonly pollIntervalMs: number
  readonly maxAttempts: number
  readonly maxQueue: number
  readonly maxQueueBytes: number
  readonly maxBody: number
  readonly maxAnswer: number
  readonly minFree: number
  /** 0 = none. */
  readonly drainLimitMs: number
  /** 0 = none. */
  readonly runLimitMs: number
  readonly stallLimitMs: number
  readonly unreachableGraceMs: number
  readonly clientStallMs: number
  /** 0 = never answer before the target does. */
  readonly heartbeatMs: number
  readonly jobTtlMs: number
  /** Key bytes, first one signs X-Foreman-Signature. */
  readonly webhookSecrets: readonly WebhookKey[]
  readonly webhookAllow: readonly string[]
  readonly webhookDeny: readonly string[]
  readonly publicUrl: string | null
  readonly embedConcurrency: number
  readonly embedQueue: number
  readonly origins: readonly string[]
  readonly hosts: readonly string[]
  readonly allowManagement: boolean
  readonly shutdownGraceMs: number
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
  readonly logFormat: 'auto' | 'json' | 'pretty'
}
