/** Attacks along paths of the supervisor model: several sessions, caps, evictions, principals, drains. */
import { SimulatedClock } from 'xstate';
import type { Attack, Kit } from './attacks.ts';

type Options = NonNullable<Parameters<Kit['supervisorPaths']>[0]>;

const NEVER = Number.POSITIVE_INFINITY;
const MAX_DELAY = 2 ** 31 - 1;

function along(name: string, options: Options): Attack {
  return {
    name: `supervisor paths, ${name}`,
    async run(kit, { createSessionSupervisor }) {
      const paths = kit.supervisorPaths(options);
      let finding: string | undefined;
      const found = new AbortController();
      await kit.runSupervisorPaths(
        paths,
        (model) => {
          const clock = new SimulatedClock();
          const server = kit.createGatedServer({ holdInitialize: model.holdInitialize });
          const supervisor = createSessionSupervisor({
            server: server.factory,
            clock,
            keepAliveInterval: NEVER,
            initializeTimeout: MAX_DELAY,
            sessionIdleTimeout: model.sessionIdleTimeout ?? NEVER,
            shutdownTimeout: model.shutdownTimeout ?? MAX_DELAY,
            maxSessions: model.maxSessions,
            maxSessionsPerPrincipal: model.maxSessionsPerPrincipal,
            whenFull: model.whenFull,
          });
          return kit.inProcessDriver(supervisor, clock, { server, patience: 2_000 });
        },
        {
          signal: found.signal,
          onPath: ({ violation }) => {
            if (violation === undefined) return;
            finding = `${violation.rule} after ${violation.script.at(-1)}`;
            found.abort();
          },
        },
      );
      return finding;
    },
  };
}

const timeouts = { sessionIdleTimeout: 60_000, shutdownTimeout: 10_000 };

export const SUPERVISOR_ATTACKS: readonly Attack[] = [
  along('caps and timeouts', { timeouts }),
  along('refusing when full', { whenFull: 'reject', kinds: ['call'] }),
  along('initializes that wait', { timeouts, holdInitialize: true, kinds: ['call'] }),
  along('one session a principal', { maxSessionsPerPrincipal: 1, kinds: ['call'] }),
  along('walks among three sessions', { coverage: 'random', maxSessions: 3, kinds: ['call'], walks: 200, seed: 7 }),
];
