/** An observer that keeps what it is told. */
import type { ObservedEvent, Operation, OperationEnd } from '../../src/index.ts';
import type { Supervisor } from '../support/serve.ts';
import { until } from '../support/until.ts';

export interface Seen {
  readonly operation: Operation;
  /** Every end that was told: one, when it is over. */
  readonly ends: OperationEnd[];
  /** How often something ran on its behalf. */
  runs: number;
}

export interface Observation {
  readonly seen: Seen[];
  readonly events: ObservedEvent[];
  stop(): void;
  /** The operations of one method, oldest first. */
  of(method: string): Seen[];
  /** The only end of the last operation of a method, when it is there. */
  end(method: string): Promise<OperationEnd>;
}

export function observe(supervisor: Pick<Supervisor, 'observe'>): Observation {
  const seen: Seen[] = [];
  const events: ObservedEvent[] = [];
  const stop = supervisor.observe({
    operation: (operation) => {
      const one: Seen = { operation, ends: [], runs: 0 };
      seen.push(one);
      return {
        run: (body) => {
          one.runs++;
          return body();
        },
        end: (end) => one.ends.push(end),
      };
    },
    event: (event) => events.push(event),
  });
  const of = (method: string) => seen.filter(({ operation }) => operation.method === method);
  return {
    seen,
    events,
    stop,
    of,
    end: async (method) => {
      const last = await until(() => of(method).at(-1)?.ends.length === 1 && of(method).at(-1), {
        what: `the end of ${method}`,
      });
      return (last as Seen).ends[0] as OperationEnd;
    },
  };
}
