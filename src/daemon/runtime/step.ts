/** Steps of a job at which a test may kill the daemon. */
export type Step =
  | 'admitted'
  | 'enqueued'
  /** An async job is saved, and its caller has not been answered. */
  | 'submitted'
  | 'claimed'
  | 'sent'
  | 'first_byte'
  /** Each chunk of the answer. */
  | 'streaming'
  | 'answered'
  | 'applied'
  /** A webhook is about to be sent. */
  | 'delivering'
  /** Its receiver has answered. */
  | 'delivered'
  /** The result of the delivery is saved. */
  | 'settled'

export type OnStep = (step: Step, jobId: string) => void
