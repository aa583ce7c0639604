// Owns the ways in which a call to foreman can fail, as classes, so that a caller can tell them apart without reading text.

/** Every error of this library. */
export class ForemanError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** Nothing answered: refused, no such host, cut, or no answer in time. */
export class UnreachableError extends ForemanError {}

/** foreman answered with an error. */
export class AnswerError extends ForemanError {
  /** The HTTP status. */
  readonly status: number
  /** foreman's own code (`X-Foreman-Error`, docs/errors.md); null where it was somebody else's error. */
  readonly code: string | null

  constructor(message: string, status: number, code: string | null) {
    super(message)
    this.status = status
    this.code = code
  }
}

/** 401 or 403: the token is missing or wrong, or the address under which foreman was called is not allowed. */
export class RefusedError extends AnswerError {}

/** Something answers there, and it is not foreman. */
export class ForeignError extends ForemanError {}
