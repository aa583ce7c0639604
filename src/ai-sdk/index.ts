// Exports of foreman-ai-sdk. Only these are public.

export type { JobDocument, JobState } from '../client/index.ts'
export { ForemanCallError } from './call-error.ts'
export type { JobProgress } from './progress.ts'
export { createForeman, type ForemanProvider, type ForemanProviderSettings } from './provider.ts'
export type { ForemanCallOptions, ForemanModelSettings } from './settings.ts'
