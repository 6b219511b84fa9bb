/** What ran, among the events of the session's life. */

interface Step {
  readonly at: number;
  readonly event: string;
}

/** What an exchange may begin with. */
const BEGINS: readonly string[] = ['opened', 'active', 'request'];

/**
 * Puts what ran where it began, both in their own order. Within one ms, which is as far as clocks tell, each stands after the
 * next exchange that begins in it: its own, most of the time.
 */
export function interleave<S extends Step>(life: readonly S[], operations: readonly S[]): S[] {
  const steps: S[] = [];
  let next = 0;
  for (const operation of operations) {
    const { at } = operation;
    while ((life[next]?.at ?? at) < at) steps.push(life[next++] as S);
    const begin = life.findIndex((step, n) => n >= next && step.at === at && BEGINS.includes(step.event));
    while (next <= begin) steps.push(life[next++] as S);
    steps.push(operation);
  }
  return [...steps, ...life.slice(next)];
}
