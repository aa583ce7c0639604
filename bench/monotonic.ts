// Owns the clock that benches share with their targets: what two processes of one machine can compare.

/** Microseconds of the machine's monotonic clock, the same in every process. */
export function microseconds(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e6 + nanoseconds / 1e3
}
