// Interface between the submitter and the queues that foreman is compared with: put one job, and wait until it is
// durable.

export interface Rival {
  /** Resolves when the job is acknowledged, which its server does once it is on disk. */
  submit(job: object): Promise<unknown>
  close(): Promise<void>
}

/**
 * @param url of the server
 * @param connections maximum of connections, if the library has a pool
 */
export type OpenRival = (url: string, connections: number) => Promise<Rival>
