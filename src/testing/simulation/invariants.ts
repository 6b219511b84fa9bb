/**
 * What holds for a supervisor at all times, written down once: as a sentence, and as code that looks at the public API,
 * the clock, and what was seen from outside. Each check returns what is wrong, or undefined.
 */
import type { SessionEvent } from '../../index.ts';
import { endedTwice, operationsLeft, sessionsAddUp } from './countChecks.ts';
import { brokenWord, keptWaiting } from './endingChecks.ts';
import { contradicted, outOfOrder } from './eventChecks.ts';
import { answeredOnce, causeOfRefusal, expectedMessage, unansweredForNothing } from './exchangeChecks.ts';
import {
  cancelledByLeaving,
  modernCounts,
  modernCutEarly,
  namesSession,
  tooManyModern,
  untold,
  wokenByOther,
} from './modernChecks.ts';
import type { Ending, Observed, SeenSession } from './observed.ts';
import { serverEnd, tooManyServers } from './serverChecks.ts';
import {
  agreement,
  causeOfEnding,
  countsInFlight,
  cutEarly,
  drainedEarly,
  fairEviction,
  idleCut,
  leftAfterDrain,
} from './sessionChecks.ts';
import type { SimulatedExchange } from './simulatedExchange.ts';
import type { WireMessage } from './simulatedServer.ts';
import { machineTimers, otherTimers } from './timerChecks.ts';

/** One thing that always holds. */
export interface Invariant {
  readonly name: string;
  /** What holds, in one sentence. */
  readonly says: string;
  /** Looks after every step, whatever is still going on by itself. */
  readonly always?: (observed: Observed) => string | undefined;
  /** Looks when nothing goes on by itself any more. */
  readonly settled?: (observed: Observed) => string | undefined;
  /** Looks when a session ends; `lastActiveAt` is what its SessionInfo says. */
  readonly ended?: (observed: Observed, session: SeenSession, lastActiveAt: number) => string | undefined;
  /** Looks when a listener is told. */
  readonly heard?: (observed: Observed, session: SeenSession, event: SessionEvent) => string | undefined;
  /** Looks when `terminate` has resolved. */
  readonly said?: (observed: Observed, ending: Ending) => string | undefined;
  /** Looks when an exchange is answered. */
  readonly answered?: (observed: Observed, exchange: SimulatedExchange) => string | undefined;
  /** Looks when a message comes on a stream that is no response to one of its requests. */
  readonly received?: (observed: Observed, exchange: SimulatedExchange, message: WireMessage) => string | undefined;
  /** Looks when a drain is over. */
  readonly drained?: (observed: Observed) => string | undefined;
}

/** What holds after every step of a simulation. */
export const INVARIANTS: readonly Invariant[] = [
  {
    name: 'idleCutsNothing',
    says: 'No exchange in flight is ended by the idle timer, and no session before its time.',
    ended: idleCut,
  },
  {
    name: 'terminatedIsAbsorbing',
    says: 'A session ends once, is not there any more from then on, and is never heard of again.',
    always: ({ sessions, supervisor }) => {
      for (const { id, state, told } of sessions.values()) {
        if (state !== 'terminated') continue;
        if (supervisor.session(id) !== undefined) return `${id} has ended, and is there`;
        if (told.logged !== 1 || told.heard !== 1)
          return `${id} has ended, ${told.logged} times by the log, ${told.heard} times by the listeners`;
      }
      return undefined;
    },
  },
  {
    name: 'endedIsNotFound',
    says: 'The id of a session that has ended answers 404 to POST, GET and DELETE, and so does a stranger’s.',
    answered: (_, { denied, found, kind, name, sessionId, status }) =>
      found ||
      denied ||
      status === 413 ||
      sessionId === undefined ||
      status === 404 ||
      (status === 503 && kind !== 'delete')
        ? undefined
        : `${name} (${kind} in ${sessionId}) is answered ${status}`,
  },
  {
    name: 'oneAnswer',
    says: 'Every request gets exactly one answer, its own, as soon as there is one.',
    always: answeredOnce,
    settled: unansweredForNothing,
  },
  {
    name: 'callsAreApart',
    says: 'No call hears anything of another, also not of one that had its id.',
    always: ({ sessions }) => {
      for (const { server } of sessions.values()) if (server.misled !== undefined) return server.misled;
      return undefined;
    },
  },
  {
    name: 'refusalsHaveCauses',
    says: 'Nobody is refused without the cause that the refusal names.',
    answered: causeOfRefusal,
  },
  {
    name: 'messagesInOrder',
    says: 'The messages of a stream come on it alone, in order, once, and without a gap.',
    received: expectedMessage,
  },
  {
    name: 'endingsHaveCauses',
    says: 'Every session that ends has the cause that its reason names.',
    ended: causeOfEnding,
  },
  {
    name: 'evictionIsFair',
    says: 'Room is made by the longest idle session of the principal that holds the most, never-used ones first.',
    ended: fairEviction,
  },
  {
    name: 'callsGetTheirTime',
    says: 'A drain, and the end of a lifetime, leave the calls in flight shutdownTimeout to be answered.',
    ended: drainedEarly,
    settled: cutEarly,
  },
  {
    name: 'inFlightIsExact',
    says: 'A session counts exactly what it has in flight, and is active as long as that is anything.',
    settled: countsInFlight,
  },
  {
    name: 'everythingAgrees',
    says: 'The registry, the caps and the actors agree, and no two sessions have the same id.',
    always: agreement,
  },
  {
    name: 'eventsAreTrue',
    says: 'Listeners are told after the transition, in order, and the API and the actors say the same then.',
    heard: (observed, session, event) => outOfOrder(session, event) ?? contradicted(observed, session, event),
  },
  {
    name: 'endingsAreKept',
    says: 'Whoever terminates or drains hears back in time, and what terminate says is true.',
    said: brokenWord,
    settled: keptWaiting,
  },
  {
    name: 'timersAreExact',
    says: 'The timers pending are exactly those that the states call for.',
    always: machineTimers,
    settled: otherTimers,
  },
  {
    name: 'serversEndOnce',
    says: 'A server that was built is closed once and cleaned up after once, and only when its session has ended.',
    settled: serverEnd,
  },
  {
    name: 'serversAreBounded',
    says: 'Servers that start, are in use and close are at most twice maxSessions.',
    always: tooManyServers,
  },
  {
    name: 'modernIsApart',
    says: 'A request without a session is answered without an id, whatever id it names, and wakes no session.',
    answered: namesSession,
    heard: wokenByOther,
  },
  {
    name: 'modernIsBounded',
    says: 'There are never more requests without sessions than maxModernRequests, nor of one principal than it may have.',
    always: tooManyModern,
  },
  {
    name: 'modernIsCounted',
    says: 'What stats and listenStreams tell of calls and streams is what there is.',
    settled: modernCounts,
  },
  {
    name: 'leavingCancels',
    says: 'A client without a session that leaves cancels its call, and nothing else does before a drain’s time is up.',
    always: modernCutEarly,
    settled: cancelledByLeaving,
  },
  {
    name: 'listenersAreTold',
    says: 'Who listens is told what that is, and then all that is published of it, in order and once.',
    settled: untold,
  },
  {
    name: 'countsAddUp',
    says: 'Each session that was begun is counted as living, as parked or as ended, once.',
    always: sessionsAddUp,
  },
  {
    name: 'operationsEnd',
    says: 'Each operation that observers are told of ends once, and after a drain none is left.',
    always: endedTwice,
    drained: operationsLeft,
  },
  {
    name: 'nothingIsLeft',
    says: 'After a drain there is no session, no actor, no timer, no open exchange and no open server.',
    drained: leftAfterDrain,
  },
];
