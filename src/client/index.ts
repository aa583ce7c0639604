// Owns what foreman-client exports. Nothing that is not named here is promised to anybody.

export type { JobEvent, RecordEvent, StateEvent } from '../protocol/event.ts'
export {
  type Disbelief,
  type Received,
  type Verification,
  verifyBodySignature,
  verifyWebhook,
  type WebhookKey,
  type WebhookPayload,
  webhookKey,
} from '../protocol/webhook.ts'
export type {
  ArtifactDocument,
  DeliveryDocument,
  JobDocument,
  JobErrorDocument,
  JobListDocument,
  JobState,
  JobSummary,
  PauseDocument,
  ReceiptDocument,
  StatusDocument,
  TimingsDocument,
  UnloadDocument,
  UsageDocument,
  WaitingForDocument,
} from '../protocol/wire.ts'
export { textOf } from './answer-text.ts'
export type { ChatBody, ChatOptions, ChatRecord } from './chat-stream.ts'
export {
  type Artifact,
  type ArtifactOptions,
  type CallOptions,
  type CancelDocument,
  type ClientOptions,
  type EmbedBody,
  type Embeddings,
  ForemanClient,
  type GetOptions,
  type Health,
  type JobFilter,
  type Models,
  type PauseOptions,
  type SubmitOptions,
} from './client.ts'
export {
  AnswerError,
  AnswerVoidedError,
  ForeignError,
  ForemanError,
  JobCancelledError,
  JobEndedError,
  JobFailedError,
  RefusedError,
  UnreachableError,
  WaitTimeoutError,
} from './error.ts'
export { type EventsOptions, isFinal } from './event-stream.ts'
export type { Iteration } from './iteration.ts'
export type { Duration, JobBody, JobOptions } from './job-body.ts'
export { JobHandle, type ResultOptions } from './job-handle.ts'
export type { ReceiverOptions } from './receiver.ts'
export type { TextOptions } from './text-stream.ts'
export type { Via } from './wait.ts'
