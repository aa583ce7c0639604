// Contract of a fuzz target: each module in test/fuzz/targets/ exports a `FuzzTarget`'s members.

export interface FuzzTurn {
  /** The same seed tries the same cases in the same order. */
  readonly seed: number
  /** Returns whether the turn is over. Called before each case. */
  readonly until: () => boolean
}

export interface FuzzTarget {
  readonly name: string
  /** Tries cases until `until()`. A failure throws an Error whose message has the case. */
  readonly run: (turn: FuzzTurn) => Promise<{ readonly cases: number }>
}
