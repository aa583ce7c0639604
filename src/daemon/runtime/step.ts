/** Named places of the walk (design.md §1) at which a test may kill the daemon. */
export type Step =
  | 'admitted'
  | 'enqueued'
  /** An async job is on disk, and nobody has been told. */
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
  /** What became of it is on disk. */
  | 'settled'

export type OnStep = (step: Step, jobId: string) => void
