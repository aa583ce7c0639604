// Hop header: it marks requests that foreman has sent, so that foreman can recognise its own request if the target's
// address leads back to it through a relay or a stale alias. Pure.

export const HOP_HEADER = 'x-foreman-hop'

/** The reason that is shown for the target in that case. */
export const LOOP_REASON = 'FOREMAN_OLLAMA_URL leads back to this foreman'

/** Whether a request with this header came through the foreman with this id. */
export function cameThrough(header: string | string[] | undefined, id: string): boolean {
  return String(header ?? '')
    .split(',')
    .some((hop) => hop.trim() === id)
}
