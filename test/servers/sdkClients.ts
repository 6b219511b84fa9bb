/** The clients of both SDKs as one: what a test asks of a server, whoever of them asks, and what the server asked them. */
import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  type CallToolResult,
  CallToolResultSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  type LoggingLevel,
  type Root,
} from '@modelcontextprotocol/sdk/types.js';
import { onTestFinished } from 'vitest';
import { withTimeout } from '../support/until.ts';
import { STARTS_WITHIN } from './served.ts';

export interface ClientOptions {
  /** Whether it opens a GET stream, as they do by default; otherwise it is told that there is none. */
  readonly listens?: boolean;
  /** Roots, which it says that it has when there are some. */
  readonly roots?: readonly Root[];
}

interface CallOptions {
  readonly onprogress?: (progress: { progress: number; total?: number | undefined }) => void;
  readonly signal?: AbortSignal;
}

interface Notified {
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
}

export interface SdkClient {
  readonly sessionId: string;
  readonly serverName: string | undefined;
  /** Every notification, but for progress. */
  readonly notified: readonly Notified[];
  /** The methods of what the server asked. */
  readonly asked: readonly string[];
  tools(): Promise<string[]>;
  /** The texts of the result, joined. Rejects when it is an error. */
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<string>;
  /** The text of a resource. */
  read(uri: string): Promise<string>;
  resources(): Promise<string[]>;
  prompt(name: string, args: Record<string, string>): Promise<string>;
  subscribe(uri: string): Promise<void>;
  setLogLevel(level: LoggingLevel): Promise<void>;
  /** Other roots than before. */
  changeRoots(roots: readonly Root[]): Promise<void>;
  /** Sends DELETE. */
  terminate(): Promise<void>;
  /** Goes without a word. */
  close(): Promise<void>;
}

export type Connect = (url: string, options?: ClientOptions) => Promise<SdkClient>;

const CAPABILITIES = { sampling: {}, elicitation: {} };
const SAMPLED = { model: 'a model', role: 'assistant' as const, content: { type: 'text' as const, text: 'sampled' } };
const ELICITED = { action: 'accept' as const, content: { name: 'A Name' } };

/** Says that there is no GET stream, and lets all else pass. */
const withoutGet = async (url: string | URL, init?: RequestInit) =>
  init?.method === 'GET' ? new Response(null, { status: 405 }) : fetch(url, init);

const capabilitiesOf = (roots: readonly Root[] | undefined) => ({
  ...CAPABILITIES,
  ...(roots !== undefined && { roots: { listChanged: true } }),
});

const transportOptions = (listens: boolean) => (listens ? {} : { fetch: withoutGet });

/** What both clients can do alike. */
interface EitherClient {
  fallbackNotificationHandler?: ((notification: never) => Promise<void>) | undefined;
  getServerVersion(): { readonly name: string } | undefined;
  listTools(): Promise<{ readonly tools: readonly { readonly name: string }[] }>;
  listResources(): Promise<{ readonly resources: readonly { readonly uri: string }[] }>;
  readResource(params: { uri: string }): Promise<{ readonly contents: readonly object[] }>;
  getPrompt(params: { name: string; arguments: Record<string, string> }): Promise<{ readonly messages: unknown }>;
  subscribeResource(params: { uri: string }): Promise<unknown>;
  setLoggingLevel(level: LoggingLevel): Promise<unknown>;
  sendRootsListChanged(): Promise<void>;
  close(): Promise<void>;
}

/** What differs. */
interface Particular {
  readonly client: EitherClient;
  readonly transport: { readonly sessionId?: string | undefined; terminateSession(): Promise<void> };
  readonly connect: () => Promise<void>;
  readonly callTool: (
    params: { name: string; arguments: Record<string, unknown> },
    options: CallOptions,
  ) => Promise<object>;
  /** Says how the client answers. */
  readonly answer: (
    method: 'sampling/createMessage' | 'elicitation/create' | 'roots/list',
    result: () => object,
  ) => void;
}

async function connected({ client, transport, connect, callTool, answer }: Particular, roots?: readonly Root[]) {
  const notified: Notified[] = [];
  const asked: string[] = [];
  let current = roots;
  const answers = {
    'sampling/createMessage': () => SAMPLED,
    'elicitation/create': () => ELICITED,
    ...(roots !== undefined && { 'roots/list': () => ({ roots: current }) }),
  };
  for (const [method, result] of Object.entries(answers)) {
    answer(method as keyof typeof answers, () => {
      asked.push(method);
      return result();
    });
  }
  client.fallbackNotificationHandler = async (notification) => void notified.push(notification);
  onTestFinished(() => client.close());
  await withTimeout(connect(), { within: STARTS_WITHIN, what: 'the client to connect' });
  return {
    sessionId: transport.sessionId ?? '',
    serverName: client.getServerVersion()?.name,
    notified,
    asked,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args = {}, options = {}) =>
      textOf((await callTool({ name, arguments: args }, options)) as CallToolResult),
    read: async (uri) => {
      const { contents } = await client.readResource({ uri });
      return contents.map((content) => ('text' in content ? String(content.text) : '[blob]')).join('\n');
    },
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    prompt: async (name, args) => JSON.stringify((await client.getPrompt({ name, arguments: args })).messages),
    subscribe: async (uri) => void (await client.subscribeResource({ uri })),
    setLogLevel: async (level) => void (await client.setLoggingLevel(level)),
    changeRoots: (next) => {
      current = next;
      return client.sendRootsListChanged();
    },
    terminate: () => transport.terminateSession(),
    close: () => client.close(),
  } satisfies SdkClient;
}

function textOf({ content, isError }: Pick<CallToolResult, 'content' | 'isError'>): string {
  const text = content.map((block) => (block.type === 'text' ? block.text : `[${block.type}]`)).join('\n');
  if (isError === true) throw new Error(text);
  return text;
}

const REQUESTS_V1 = {
  'sampling/createMessage': CreateMessageRequestSchema,
  'elicitation/create': ElicitRequestSchema,
  'roots/list': ListRootsRequestSchema,
};

const connectV1: Connect = async (url, { listens = true, roots } = {}) => {
  const client = new ClientV1({ name: 'v1-client', version: '1.0.0' }, { capabilities: capabilitiesOf(roots) });
  const transport = new TransportV1(new URL(url), transportOptions(listens));
  const particular: Particular = {
    client,
    transport,
    // The SDK's own types disagree about optional members under exactOptionalPropertyTypes.
    connect: () => client.connect(transport as Transport),
    callTool: (params, options) => client.callTool(params, CallToolResultSchema, options),
    answer: (method, result) => client.setRequestHandler(REQUESTS_V1[method], () => result() as never),
  };
  return connected(particular, roots);
};

const connectV2: Connect = async (url, { listens = true, roots } = {}) => {
  const client = new ClientV2({ name: 'v2-client', version: '2.0.0' }, { capabilities: capabilitiesOf(roots) });
  const transport = new TransportV2(new URL(url), transportOptions(listens));
  const particular: Particular = {
    client,
    transport,
    connect: () => client.connect(transport),
    callTool: (params, options) => client.callTool(params, options),
    answer: (method, result) => client.setRequestHandler(method, () => result() as never),
  };
  return connected(particular, roots);
};

export const SDK_CLIENTS: readonly (readonly [version: string, connect: Connect])[] = [
  ['v1', connectV1],
  ['v2', connectV2],
];

/** Every client with a GET stream and without. */
export const WAYS = SDK_CLIENTS.flatMap(([version, connect]) => [
  [`the ${version} client`, connect, true] as const,
  [`the ${version} client without a GET stream`, connect, false] as const,
]);
