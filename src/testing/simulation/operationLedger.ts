/** What is told of operations to somebody who observes a supervisor, and how many of them have not ended. */
import type { SessionSupervisor } from '../../index.ts';

export class OperationLedger {
  /** Those that have begun and not ended, by a name for people. */
  readonly open = new Set<string>();
  /** One that was told to have ended more than once. */
  endedTwice: string | undefined;
  #begun = 0;

  constructor(supervisor: Pick<SessionSupervisor, 'observe'>) {
    supervisor.observe({
      operation: ({ era, id, method, side }) => {
        const name = `${side} ${method} ${String(id)} (${era}, operation ${++this.#begun})`;
        this.open.add(name);
        return {
          run: (body) => body(),
          end: () => {
            if (!this.open.delete(name)) this.endedTwice ??= name;
          },
        };
      },
    });
  }
}
