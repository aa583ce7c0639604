// Exports of foreman-ai-sdk. Only these are public.

export type { JobDocument, JobState } from '../client/index.ts'
export type { JobProgress } from './progress.ts'
export { createForeman, type ForemanProvider, type ForemanProviderSettings } from './provider.ts'
export { ForemanCallError } from './sdk-error.ts'
export type { ForemanCallOptions, ForemanModelSettings } from './settings.ts'
