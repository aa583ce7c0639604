// Owns what foreman-client exports. Nothing that is not named here is promised to anybody.

export type { StatusDocument } from '../protocol/wire.ts'
export { type CallOptions, type ClientOptions, ForemanClient, type Health, type Paused } from './client.ts'
export { AnswerError, ForeignError, ForemanError, RefusedError, UnreachableError } from './error.ts'
