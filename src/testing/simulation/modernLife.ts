/** A request without a session in a simulation, on the server's side: a server of SDK v2 that does what its client plans. */
import type { SessionContext } from '../../index.ts';
import type { AwaitPoints } from './awaitPoints.ts';
import type { ModernCallRequest, ModernContext, ModernSdk, ModernSdkServer } from './modernSdk.ts';
import type { Place } from './places.ts';
import type { SimulatedExchange } from './simulatedExchange.ts';
import { CALL_MANNERS, HOLD } from './simulatedServer.ts';

/** What it needs of the simulation. */
export interface ModernWorld {
  readonly now: number;
  readonly points: AwaitPoints;
  note(text: string): void;
  token(): string;
  called(place: Place, sessionId: string): unknown;
}

const CAPABILITIES = { tools: { listChanged: true }, resources: { listChanged: true, subscribe: true } };

/** The plain answer of a tool, with the token of its call. */
const resultOf = (token: string) => ({ content: [], token });

export class ModernLife {
  readonly exchange: SimulatedExchange;
  readonly #world: ModernWorld;
  readonly #holds: number;
  /** The factory is at work, since then. */
  starting = false;
  readonly startedAt: number;
  built = false;
  /** When it was built, if somebody still waited for it then: one that comes later nobody waits for. */
  wantedAt = Number.NaN;
  /** Its factory or its handler failed, or left its signal. */
  failed = false;
  closes = 0;
  cleanups = 0;
  /** It is being closed or cleaned up after, since then. */
  closing = false;
  closingSince = Number.NaN;
  /** What the handler of its call has of it, while it works. */
  handling: ModernContext['mcpReq'] | undefined;
  /** Its handler is through. */
  handled = false;
  /** Tokens of what its handler has said before the answer, in order. */
  readonly told: string[] = [];

  constructor(exchange: SimulatedExchange, startedAt: number, world: ModernWorld) {
    this.exchange = exchange;
    this.#holds = exchange.modern?.holds ?? 0;
    this.startedAt = startedAt;
    this.#world = world;
  }

  get name(): string {
    return `server of ${this.exchange.name}`;
  }

  /** Its handler works, and has not been told to stop. */
  get working(): boolean {
    return this.handling !== undefined && !this.handling.signal.aborted;
  }

  /** What the factory returns, when the plan lets it. */
  build(
    sdk: ModernSdk,
    { serverOptions }: SessionContext,
  ): Promise<{ server: ModernSdkServer; cleanup: () => unknown }> {
    this.starting = true;
    const made = async () => {
      await this.#hold('factory');
      const server = new sdk.Server(
        { name: this.name, version: '1.0.0' },
        { capabilities: CAPABILITIES, ...serverOptions },
      );
      server.setRequestHandler('tools/call', (request, context) => this.#handle(request, context));
      this.#watch(server);
      return { server, cleanup: () => this.#cleanUp() };
    };
    return this.#does('the factory', made, (failed) => {
      this.starting = false;
      this.built = !failed;
      if (this.exchange.open) this.wantedAt = this.#world.now;
      this.failed ||= failed;
    });
  }

  /** Its handler says something before its answer. Returns the token of that. */
  tell(padding: number): string {
    const token = this.#world.token();
    this.told.push(token);
    const params = { progressToken: 0, progress: this.told.length, token, message: 'x'.repeat(padding) };
    this.handling?.notify({ method: 'notifications/progress', params }).catch(() => {}); // nobody can hear it any more
    return token;
  }

  /** The SDK's handler closes it as well as the supervisor. */
  #watch(server: ModernSdkServer): void {
    const close = server.close.bind(server);
    server.close = async () => {
      if (this.closes++ === 0) this.#world.note(`${this.name} is closed`);
      await close();
    };
  }

  #cleanUp(): Promise<void> {
    this.cleanups++;
    this.closing = true;
    this.closingSince = this.#world.now;
    return this.#does(
      'cleanup',
      () => this.#hold('cleanup'),
      () => {
        this.closing = false;
      },
    );
  }

  async #handle({ params }: ModernCallRequest, { mcpReq }: ModernContext): Promise<object> {
    const { how = 0, token = '' } = params.arguments ?? {};
    this.handling = mcpReq;
    try {
      const manner = CALL_MANNERS[(how >> 8) % CALL_MANNERS.length];
      if (manner === 'throws') throw new Error('The handler throws');
      if (manner === 'tells') this.tell(0);
      if (how & HOLD.answer) await this.#world.points.reach(this, this.exchange.client, `${this.name}: answer`, true);
      return resultOf(token);
    } finally {
      this.handling = undefined;
      this.handled = true;
    }
  }

  /** What the embedder's code does where it should not, or else what it is for. */
  #does<T>(place: Place, normally: () => Promise<T>, over: (failed: boolean) => void): Promise<T> {
    try {
      const done = (this.#world.called(place, '') as Promise<T> | undefined) ?? normally();
      done.then(
        () => over(false),
        () => over(true),
      );
      return done;
    } catch (error) {
      over(true);
      throw error;
    }
  }

  async #hold(what: 'factory' | 'cleanup'): Promise<void> {
    if (this.#holds & HOLD[what])
      await this.#world.points.reach(this, this.exchange.client, `${this.name}: ${what}`, true);
  }
}
