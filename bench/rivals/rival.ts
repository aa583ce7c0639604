// Owns the word between the submitter and the queues that foreman is compared with: put one job, and hear when it is safe.

export interface Rival {
  /** Resolves when the job is acknowledged: on disk, by the settings of its server. */
  submit(job: object): Promise<unknown>
  close(): Promise<void>
}

/**
 * @param url of the server
 * @param connections at most, where the library has a pool
 */
export type OpenRival = (url: string, connections: number) => Promise<Rival>
