/** What a server offers of what the protocol leaves to it, and how a call can last there: asked before it is tested. */
import type { Driver } from '../paths/driver.ts';
import { httpDriver } from '../paths/drivers.ts';
import { type InitializeResult, ModelClient, within } from '../paths/modelClient.ts';
import type { RuleName } from '../paths/rules.ts';
import { type ListedTool, type LongCallShape, longCallsAmong, parseLongCall } from './longCalls.ts';

export interface DiscoverOptions {
  /** The MCP endpoint. */
  url: string;
  /** Sent with every request. */
  headers?: Record<string, string> | undefined;
  /** A call that lasts, as `sleep:{"ms":$MS}`. Default: looked for in the list of tools. */
  slowCall?: string | undefined;
  /** `false`: GET is left alone. */
  streams?: boolean | undefined;
  /** `false`: DELETE is left alone. */
  deletes?: boolean | undefined;
  /** How long the longest call will have to last, in ms. Default 10 000. */
  longest?: number | undefined;
}

/** What can be driven, or why not. */
export type Feature<T = true> = { readonly driven: T } | { readonly driven: false; readonly why: string };

export interface Discovery {
  readonly server: { readonly name: string; readonly version: string };
  readonly protocolVersion: string;
  readonly streams: Feature;
  readonly deletes: Feature;
  readonly longCall: Feature<LongCallShape>;
  /** What was found wrong on the way. */
  readonly findings: readonly Finding[];
}

/** A rule that was found broken outside of the paths. */
export interface Finding {
  readonly rule: RuleName;
  readonly got: string;
  /** What the client did, each request with its status. */
  readonly actions: readonly string[];
}

/** Why a server can not be tested. */
export type DiscoveryErrorCode = 'UNREACHABLE' | 'UNAUTHORIZED' | 'NOT_MCP' | 'NO_SESSIONS' | 'SLOW_CALL';

/** A server can't be tested; the message says why in one line. */
export class DiscoveryError extends Error {
  override readonly name = 'DiscoveryError';
  readonly code: DiscoveryErrorCode;

  constructor(code: DiscoveryErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** How long a call is asked to last to see whether it does, in ms, and how long where it refuses so little. */
const PROBE = 500;
const LONGEST_PROBE = 5_000;

/** How many times as long it is asked to last where a ping takes about as long as the call before. */
const PROBED_TIMES = [1, 2, 4];

/** The part of the time asked for that a call has to last: servers round. */
const LONG_ENOUGH = 0.9;

/** How much longer it may take, in ms. */
const PROBE_SLACK = 1_500;

/** How many tools are tried, and how many pages of them are read. */
const MOST_TRIED = 3;
const MOST_PAGES = 10;

/** How long a GET may take to be answered with headers, in ms. */
const STREAM_ANSWER = 3_000;

/**
 * Opens a session and looks around in it.
 * @throws {DiscoveryError} where there is no server, no session, or no such slow call.
 */
export async function discover(options: DiscoverOptions): Promise<Discovery> {
  const shape = options.slowCall === undefined ? undefined : told(options.slowCall);
  const driver = httpDriver({ url: options.url, headers: options.headers, strict: false });
  const client = new ModelClient(driver, 'model-discovery');
  const visit = new Visit(client, driver);
  const { serverInfo, protocolVersion, capabilities } = await visit.open();
  await client.acknowledge();
  try {
    const streams = options.streams === false ? off('told not to open GET streams') : await visit.streams();
    const longCall =
      shape === undefined
        ? await visit.findLongCall(capabilities?.tools !== undefined, options.longest ?? 10_000)
        : await visit.tryTold(shape);
    const deletes = options.deletes === false ? off('told not to delete sessions') : await visit.deletes();
    return {
      server: { name: String(serverInfo?.name ?? 'unnamed'), version: String(serverInfo?.version ?? '') },
      protocolVersion: String(protocolVersion),
      streams,
      deletes,
      longCall,
      findings: visit.findings,
    };
  } catch (error) {
    await client.remove();
    throw error;
  }
}

const off = (why: string) => ({ driven: false, why }) as const;

function told(template: string): LongCallShape {
  try {
    return parseLongCall(template);
  } catch (error) {
    throw new DiscoveryError('SLOW_CALL', `the slow call ${template} can't be used: ${(error as Error).message}`);
  }
}

class Visit {
  readonly findings: Finding[] = [];
  readonly #client: ModelClient;
  readonly #driver: Driver;

  constructor(client: ModelClient, driver: Driver) {
    this.#client = client;
    this.#driver = driver;
  }

  async open(): Promise<InitializeResult> {
    const { initialize } = this.#client;
    const { url, patience } = this.#driver;
    const isAnswered = await within(initialize.ended, patience);
    const { status } = initialize;
    if (!isAnswered) initialize.hangUp();
    if (status === undefined) {
      throw new DiscoveryError('UNREACHABLE', `cannot reach ${url}: ${initialize.describe()}`);
    }
    if (status === 401 || status === 403) {
      throw new DiscoveryError('UNAUTHORIZED', `${url} refuses an initialize with ${status}`);
    }
    const result = initialize.responses[0]?.result as InitializeResult | undefined;
    if (status !== 200 || result === undefined) {
      throw new DiscoveryError('NOT_MCP', `${url} does not answer an initialize as MCP does: ${initialize.describe()}`);
    }
    if (!initialize.headers.has('mcp-session-id')) {
      const why = 'it answers an initialize without an Mcp-Session-Id';
      throw new DiscoveryError('NO_SESSIONS', `${url} has no sessions to test: ${why}, as stateless servers do`);
    }
    // What is wrong with it is found on the paths.
    await this.#client.initialized().catch(() => {});
    return result;
  }

  async streams(): Promise<Feature> {
    const exchange = this.#client.listen();
    const isAnswered = await within(exchange.answered, STREAM_ANSWER);
    exchange.hangUp();
    if (!isAnswered) return off('a GET is not answered, not even with headers');
    if (exchange.status === 200 && exchange.isStream) return { driven: true };
    if (exchange.status === 405) return off('GET is answered with 405');
    this.#broken('streamOpened', `GET: ${exchange.describe()}`);
    return off(`GET is answered with ${exchange.status}`);
  }

  async deletes(): Promise<Feature> {
    let client = this.#client;
    let exchange = await client.remove();
    if (exchange.status === 404) {
      // The session may have ended while it was looked around in; a new one has had no time to.
      client = new ModelClient(this.#driver, 'model-discovery');
      await client.initialized().catch(() => {});
      exchange = await client.remove();
    }
    const { status = 0 } = exchange;
    if (status >= 200 && status <= 299) return { driven: true };
    if (status === 405) return off('DELETE is answered with 405');
    this.#broken('deleteAnswered', `DELETE: ${exchange.describe()}`, client);
    return off(`DELETE is answered with ${status}`);
  }

  async findLongCall(hasTools: boolean, longest: number): Promise<Feature<LongCallShape>> {
    const tools = hasTools ? await this.#tools() : [];
    const shapes = longCallsAmong(tools).filter(({ least, most }) => least <= LONGEST_PROBE && most >= longest);
    for (const shape of shapes.slice(0, MOST_TRIED)) {
      if ((await this.#lasts(shape)) === undefined) return { driven: shape };
    }
    return off('no tool that lasts as long as it is asked to');
  }

  async tryTold(shape: LongCallShape): Promise<Feature<LongCallShape>> {
    const wrong = await this.#lasts(shape);
    if (wrong === undefined) return { driven: shape };
    throw new DiscoveryError('SLOW_CALL', `the slow call ${shape.label} ${wrong}`);
  }

  /** What is wrong with a call that should last; undefined when it does. */
  async #lasts(shape: LongCallShape): Promise<string | undefined> {
    for (const times of PROBED_TIMES) {
      const asked = Math.min(times * Math.max(PROBE, shape.least), Math.max(shape.least, shape.most));
      const { wrong, beyondPing } = await this.#tryCall(shape, asked);
      if (wrong !== undefined) return wrong;
      if (beyondPing >= LONG_ENOUGH * asked) return undefined;
      // A ping took about as long: this machine is busy, the server slow, or it does one thing at a time. A call that is
      // over at once does not get longer when more is asked for.
    }
    return undefined;
  }

  /** Makes one call: what is wrong with it, and by how many ms it took longer than a ping beside it. */
  async #tryCall(shape: LongCallShape, asked: number): Promise<{ wrong?: string; beyondPing: number }> {
    const begun = performance.now();
    const ping = this.#client.ping().then(() => performance.now() - begun);
    const exchange = this.#client.call(shape.make(asked));
    // Whole seconds are the coarsest that there is.
    const isOver = await within(exchange.ended, asked + 1_000 + PROBE_SLACK);
    const took = Math.round(performance.now() - begun);
    exchange.hangUp();
    const beyondPing = took - (await ping);
    if (!isOver) return { wrong: `took more than ${took} ms when asked for ${asked}`, beyondPing };
    if (exchange.responses[0]?.result === undefined) return { wrong: `failed: ${exchange.describe()}`, beyondPing };
    if (!exchange.isServed) this.#broken('callAnswered', `${exchange.what}: ${exchange.describe()}`);
    if (took >= LONG_ENOUGH * asked) return { beyondPing };
    return { wrong: `took ${took} ms when asked for ${asked}: ${exchange.describe()}`, beyondPing };
  }

  async #tools(): Promise<ListedTool[]> {
    const tools: ListedTool[] = [];
    let cursor: unknown;
    for (let page = 0; page < MOST_PAGES; page++) {
      const answer = await this.#client.ask('tools/list', cursor === undefined ? {} : { cursor });
      const result = answer.responses[0]?.result as { tools?: ListedTool[]; nextCursor?: unknown } | undefined;
      tools.push(...(result?.tools ?? []));
      cursor = result?.nextCursor;
      if (cursor === undefined || cursor === null) break;
    }
    return tools;
  }

  #broken(rule: RuleName, got: string, client: ModelClient = this.#client): void {
    // What was done in between has nothing to do with it.
    const { history } = client;
    this.findings.push({ rule, got, actions: [...history.slice(0, 2), ...history.slice(-1)] });
  }
}
