/** Whether what is counted adds up, and what was told to begin is told to end. */
import type { Observed } from './observed.ts';

/** Each session that was begun is there, or is parked, or has ended. */
export function sessionsAddUp({ supervisor }: Observed): string | undefined {
  const { begun, ended, opened, sessions } = supervisor.stats();
  const { initializing, restoring, active, idle, parked } = sessions;
  const live = initializing + restoring + active + idle;
  const over = Object.values(ended).reduce((sum, count) => sum + count, 0);
  if (begun !== live + parked + over)
    return `${begun} sessions were begun; ${live} live, ${parked} are parked, ${over} have ended`;
  const listed = [...supervisor.sessions()].length;
  if (listed !== live) return `${live} sessions are counted, and there are ${listed}`;
  return opened > begun ? `${opened} of ${begun} sessions were opened` : undefined;
}

export function endedTwice({ operations }: Observed): string | undefined {
  return operations?.endedTwice === undefined ? undefined : `${operations.endedTwice} has ended twice`;
}

export function operationsLeft({ operations }: Observed): string | undefined {
  const [left] = operations?.open ?? [];
  return left === undefined ? undefined : `${left} has not ended`;
}
