/**
 * The processes of servers that are processes, as the page is told of them: by their actors, which are looked up when
 * somebody looks at their session, and when that leaves.
 */
import type { Actor, AnyActorRef } from 'xstate';
import { visible } from '../door/shownText.ts';
import type { SessionSupervisor } from '../index.ts';
import { childMachine } from '../machines/index.ts';
import { configOf } from './inspectedActor.ts';
import type { ChildLine } from './protocol.ts';

type ChildActor = Actor<typeof childMachine>;

/** What is left of a child whose session has left: as it is by now. */
export interface KeptChild {
  readonly child: ChildLine | undefined;
}

const NONE: KeptChild = { child: undefined };

export class Children {
  readonly #supervisor: SessionSupervisor;

  constructor(supervisor: SessionSupervisor) {
    this.#supervisor = supervisor;
  }

  /** The child of a session that lives. */
  of(sessionId: string): ChildLine | undefined {
    const actor = this.#actorOf(sessionId);
    return actor && lineOf(actor.getSnapshot());
  }

  /** The child of a session that leaves: it is followed to its own end, and then no more than that line is kept. */
  keep(sessionId: string): KeptChild {
    const actor = this.#actorOf(sessionId);
    if (actor === undefined) return NONE;
    const kept = { child: lineOf(actor.getSnapshot()) };
    const told = () => {
      kept.child = lineOf(actor.getSnapshot());
    };
    actor.subscribe({ next: told, complete: told });
    return kept;
  }

  /**
   * Actors of processes are those of the system that have a name, at most some hundred. Of one session that was parked and is
   * back there may be two: the later is its own.
   */
  #actorOf(sessionId: string): ChildActor | undefined {
    const named = Object.values(this.#supervisor.actor.system.getAll() as Readonly<Record<string, AnyActorRef>>);
    return named.findLast((actor): actor is ChildActor => {
      const isChild = configOf(actor) === childMachine.config;
      return isChild && (actor as ChildActor).getSnapshot().context.sessionId === sessionId;
    });
  }
}

function lineOf({ value, context }: ReturnType<ChildActor['getSnapshot']>): ChildLine {
  const { generation, pid, exit, lastWords, gaveUp } = context;
  return { state: value, generation, pid, exit, gaveUp, stderr: lastWords === null ? null : visible(lastWords) };
}
