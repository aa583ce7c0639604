// Public API of foreman-client. Anything else may change at any time.

export type { JobEvent, RecordEvent, StateEvent } from '../protocol/event.ts'
export {
  type Received,
  type Verification,
  type VerificationFailure,
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
  type ArtifactOptions,
  type ClientOptions,
  type EmbedBody,
  type Embeddings,
  type FetchedArtifact,
  ForemanClient,
  type Health,
  type ListOptions,
  type Models,
  type PauseOptions,
  type SubmitOptions,
} from './client.ts'
export type { RequestOptions } from './connection.ts'
export {
  AnswerVoidedError,
  ApiError,
  AuthError,
  ForemanError,
  JobCancelledError,
  JobEndedError,
  JobFailedError,
  UnexpectedServerError,
  UnreachableError,
  WaitTimeoutError,
} from './error.ts'
export { type EventsOptions, isFinal } from './event-stream.ts'
export type { Iteration } from './iteration.ts'
export type { Duration, JobBody, JobOptions } from './job-body.ts'
export { type CancelDocument, type GetOptions, JobHandle, type ResultOptions, type TextOptions } from './job-handle.ts'
export type { ReceiverOptions } from './receiver.ts'
export type { WaitStrategy } from './wait.ts'
