/**
 * Holds what clients of a simulated cluster are answered against what must be: nothing acknowledged is lost, one server
 * answers in each epoch, epochs never fall, what has ended stays so, 404 is only said of that, and where nothing is wrong
 * nobody is refused.
 */
import type { ClusterSettings } from './clusterSettings.ts';
import type { Disturbances } from './disturbances.ts';
import type { Asked, Known, Said } from './known.ts';
import type { Mark } from './registerServer.ts';
import { PRINCIPALS } from './simulatedNode.ts';
import { type SimulatedRecords, short } from './simulatedRecords.ts';
import type { WorldTime } from './worldTime.ts';

/** How long a request may wait for its status and, where it is no stream, for its answer, in ms without pauses of its node. */
const POST_WITHIN = 32_000;
const OTHERS_WITHIN = 60_000;

/** How much earlier than its idle timeout a session may end: what its record may not know, and clocks that differ. */
const SLACK = 40_000;

export interface JudgeWorld {
  readonly settings: ClusterSettings;
  readonly time: WorldTime;
  readonly records: SimulatedRecords;
  readonly disturbances: Disturbances;
  note(line: string): void;
  break(what: string): void;
}

export class ClusterJudge {
  readonly sessions: Known[] = [];
  readonly #world: JudgeWorld;

  constructor(world: JudgeWorld) {
    this.#world = world;
  }

  known(id: string): Known | undefined {
    return this.sessions.find((known) => known.id === id);
  }

  status(asked: Asked, status: number, sessionId: string | null): void {
    const { what, known, name } = asked;
    asked.status = status;
    this.#world.note(`${name} ← ${status}`);
    if (status >= 500 && status !== 503 && !(status === 504 && what === 'initialize')) {
      return this.#break(asked, `is answered ${status}`);
    }
    if (status === 503) return this.#refused(asked, status);
    if (known === undefined) return this.#opened(asked, status, sessionId);
    if (isForeign(asked)) {
      if (status !== 404) this.#break(asked, `of another is answered ${status}`);
      return;
    }
    if (status === 404) return this.#missing(asked, known);
    if (asked.ended) return this.#break(asked, `is answered ${status} after the end of ${short(known.id)}`);
    if (status === 409 || status === 429 || status === 400) return this.#refused(asked, status);
    if (status !== 200 && status !== 202) return this.#break(asked, `is answered ${status}`);
    known.usedAt = Math.max(known.usedAt, asked.begun);
    if (what === 'delete') {
      asked.answered = true;
      known.ended = true;
    }
  }

  said(asked: Asked, { id, result, params, error, method }: Said): void {
    const { known, what } = asked;
    if (known === undefined) {
      if (error === undefined) asked.answered = true;
      return;
    }
    if (error !== undefined) {
      asked.answered = true;
      this.#world.note(`${asked.name} ← ${error.message}`);
      return this.#refused(asked, error.message);
    }
    const mark = (method === undefined ? result : params) as Mark;
    this.#marked(asked, known, mark);
    if (method !== undefined) return;
    const call = callOf(asked);
    if (id !== call.name) return void (what === 'listen' || this.#break(asked, `has the answer of ${id}`));
    asked.answered = true;
    call.answered = true;
    this.#world.note(`${asked.name} ← ${JSON.stringify(mark.n ?? {})} of epoch ${mark.epoch} by ${mark.by}`);
    if (mark.late) return this.#break(asked, 'is answered by a server whose part was over');
    if (mark.n !== undefined) this.#counted(call, known, mark.n);
  }

  /** No more comes. */
  over(asked: Asked): void {
    const { what, answered, left, status, known } = asked;
    if (left || answered || what === 'listen' || what === 'resume') return;
    if (status !== undefined && status !== 200) return;
    if (!this.#isExcused(asked))
      this.#break(asked, `has no answer${known === undefined ? '' : ` in ${short(known.id)}`}`);
  }

  /** A node says that a session has ended. */
  ended(id: string, reason: string | undefined, by: string): void {
    this.#world.note(`${short(id)} has ended: ${reason}, says ${by}`);
    const known = this.known(id);
    if (known === undefined) return; // its client never heard of it
    if (reason === 'idle') {
      if (!this.#mayBeIdle(known)) this.#world.break(`${short(id)} ends before its time`);
      known.ending = true;
    } else if (!known.ending || (reason !== 'deleted' && reason !== 'terminated')) {
      this.#world.break(`${short(id)} ends as ${reason}, which nobody asked for`);
    }
  }

  /** Whoever has asked hears something in time. */
  checkTime(asked: Asked): void {
    const { what, node, status, begun, known } = asked;
    const isCall = what !== 'initialize' && what !== 'listen' && what !== 'resume' && what !== 'delete';
    if (status !== undefined && !isCall) return;
    const waited = this.#world.time.now - begun - node.paused;
    if (waited > (isCall ? POST_WITHIN : OTHERS_WITHIN)) {
      this.#break(asked, `waits for ${Math.round(waited)} ms${known === undefined ? '' : ` in ${short(known.id)}`}`);
    }
  }

  // --- within

  #opened(asked: Asked, status: number, sessionId: string | null): void {
    if (status !== 200)
      return void (status === 504 ? this.#refused(asked, status) : this.#break(asked, `is ${status}`));
    if (sessionId === null) return this.#break(asked, 'has no id');
    if (this.known(sessionId) !== undefined) return this.#break(asked, `has the id ${short(sessionId)} again`);
    this.#world.note(`${asked.name} is ${short(sessionId)}`);
    if (this.#world.records.epochOf(sessionId) === undefined) this.#break(asked, 'has an id without a record');
    this.sessions.push({
      id: sessionId,
      owner: asked.client,
      acknowledged: 0,
      numbers: new Map(),
      attempts: 0,
      ending: false,
      ended: false,
      epoch: 0,
      servers: new Map(),
      usedAt: this.#world.time.now,
    });
  }

  #marked(asked: Asked, known: Known, { session, epoch, server, by }: Mark): void {
    if (session !== known.id) this.#break(asked, `in ${short(known.id)} has an answer of ${short(session)}`);
    const other = known.servers.get(epoch);
    if (other !== undefined && other !== server) {
      this.#break(asked, `is answered by server ${server}, and ${other} has answered in epoch ${epoch}`);
    }
    known.servers.set(epoch, server);
    if (asked.ended) this.#break(asked, `is answered after the end of ${short(known.id)}`);
    if (asked.what !== 'resume' && epoch < asked.epoch) {
      this.#break(asked, `is answered by ${by} in epoch ${epoch}, after epoch ${asked.epoch}`);
    }
    known.epoch = Math.max(known.epoch, epoch);
  }

  #counted({ name, what, acknowledged }: Asked, known: Known, n: number): void {
    const adds = what !== 'read';
    if (n < acknowledged || (adds && n === acknowledged)) {
      this.#world.break(`${name} counts ${n} in ${short(known.id)}, where ${acknowledged} was acknowledged before`);
    }
    if (n > known.attempts)
      this.#world.break(`${name} counts ${n} in ${short(known.id)} after ${known.attempts} calls`);
    if (!adds) {
      known.acknowledged = Math.max(known.acknowledged, n);
      return;
    }
    const other = known.numbers.get(n) ?? name; // the same where its answer is replayed
    if (other !== name) this.#world.break(`${name} counts ${n} in ${short(known.id)}, as ${other} did`);
    known.numbers.set(n, name);
    known.acknowledged = Math.max(known.acknowledged, n);
  }

  #missing(asked: Asked, known: Known): void {
    if (known.ending || this.#mayBeIdle(known)) {
      known.ending = true;
      return;
    }
    this.#break(asked, `is answered 404, and ${short(known.id)} has not ended`);
  }

  #mayBeIdle({ usedAt }: Known): boolean {
    return this.#world.time.now - usedAt >= this.#world.settings.idleTimeout - SLACK;
  }

  /** It is not answered as it wants: which must have a cause. */
  #refused(asked: Asked, how: number | string): void {
    if (!this.#isExcused(asked)) this.#break(asked, `is answered ${how}, and nothing was wrong`);
  }

  #isExcused(asked: Asked): boolean {
    const { known, node, what, left } = asked;
    const { begun } = callOf(asked);
    if (left || known?.ending === true || isForeign(asked)) return true;
    if (known !== undefined && this.#mayBeIdle(known)) return true;
    // Streams end with their node, and only other nodes open new ones; nor does it open sessions.
    if (node.draining && (what === 'initialize' || what === 'listen' || what === 'resume')) return true;
    if (!node.isUp) return true;
    return this.#world.disturbances.during(begun, this.#world.time.now);
  }

  #break({ name, what }: Asked, how: string): void {
    this.#world.break(`${name} ${what} ${how}`);
  }
}

/** Another's session, for the one who asks. */
function isForeign({ client, known }: Asked): boolean {
  return known !== undefined && PRINCIPALS[client] !== PRINCIPALS[known.owner];
}

/** The call whose answer somebody wants who resumes. */
function callOf(asked: Asked): Asked {
  let call = asked;
  while (call.resumes !== undefined) call = call.resumes;
  return call;
}
