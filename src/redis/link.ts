/**
 * One connection to Redis, or those to the nodes of a cluster, by the package `redis`. It is used until it is lost and never
 * comes back: whoever needs it makes another. Its client queues nothing while it is not connected, and times nothing: its
 * own timers do not run any more once a command is written.
 */
import type { Redis } from './peer.ts';
import type { RedisClient, ResolvedRedisOptions } from './redisOptions.ts';

export interface Link {
  /** Sends a command to the server that has this key. */
  send(key: string, args: readonly string[]): Promise<unknown>;
  /** What each master says of itself (`INFO server`); empty where that is not permitted. */
  servers(): Promise<readonly string[]>;
  /** False when it will never answer any more. */
  isAlive(): boolean;
  /** Lets go of it at once; what it was sent rejects. */
  destroy(): void;
}

/** How long a connection may take, and how long a node of a cluster waits before it is tried again, in ms. */
const CONNECT_TIMEOUT = 2_000;
const NODE_PAUSE = 250;

/** How long a node of a cluster may take to tell of itself, in ms. */
const INFO_TIMEOUT = 500;

/** What a client must not have of its own. */
const OFF = {
  disableOfflineQueue: true,
  commandsQueueMaxLength: undefined,
  clientSideCache: undefined,
  emitInvalidate: false,
  readonly: false,
  pingInterval: 0,
  maintNotifications: 'disabled',
} as const;

/** A command's options: as text, and by no timer of the client's. */
const AS_TEXT = { timeout: undefined, typeMapping: {} };

interface SingleClient extends NodeJS.EventEmitter {
  readonly isOpen: boolean;
  connect(): Promise<unknown>;
  destroy(): void;
  sendCommand(args: readonly string[], options?: object): Promise<unknown>;
}

interface ClusterClient extends NodeJS.EventEmitter {
  readonly isOpen: boolean;
  readonly masters: readonly ClusterNode[];
  connect(): Promise<unknown>;
  destroy(): void;
  sendCommand(
    key: string | undefined,
    isReadonly: boolean,
    args: readonly string[],
    options?: object,
  ): Promise<unknown>;
  nodeClient(node: ClusterNode): Promise<SingleClient> | SingleClient;
}

interface ClusterNode {
  readonly host: string;
  readonly port: number;
}

type SocketOptions = Readonly<Record<string, unknown>>;

export class Links {
  readonly #target: ResolvedRedisOptions['target'];
  /** The nodes of the cluster, as they were last known: where those that were given are gone, these lead on. */
  #nodes: readonly ClusterNode[] = [];

  constructor(target: ResolvedRedisOptions['target']) {
    this.#target = target;
  }

  /**
   * Connects. `lost` is called once, when the connection is lost after that. Never resolves where Redis does not answer;
   * `stop` ends that.
   */
  async open(redis: Redis, lost: (error: unknown) => void, stop: AbortSignal): Promise<Link> {
    if ('client' in this.#target) {
      const { client } = this.#target;
      return isCluster(client)
        ? this.#openCluster(duplicateOf(client, this.#nodes), stop)
        : openSingle(duplicateOf(client), lost, stop);
    }
    const { url } = this.#target;
    if (this.#nodes.length > 0) return this.#openCluster(this.#clusterOf(redis, url), stop);
    const single = await openSingle(
      redis.createClient(singleOptions(url) as never) as unknown as SingleClient,
      lost,
      stop,
    );
    if (!(await single.servers()).some((info) => /^redis_mode:cluster\r?$/m.test(info))) return single;
    single.destroy();
    return this.#openCluster(this.#clusterOf(redis, url), stop);
  }

  #clusterOf(redis: Redis, url: URL): ClusterClient {
    const { username, password, socket } = singleOptions(url);
    const given = { host: socket.host, port: socket.port ?? 6379 };
    const options = {
      rootNodes: [given, ...this.#nodes].map(({ host, port }) => ({ socket: { host, port } })),
      defaults: {
        username,
        password,
        ...OFF,
        socket: { ...socket, host: undefined, port: undefined, reconnectStrategy: NODE_PAUSE },
      },
      ...CLUSTER,
    };
    return redis.createCluster(options as never) as unknown as ClusterClient;
  }

  async #openCluster(cluster: ClusterClient, stop: AbortSignal): Promise<Link> {
    // A node that is lost is not all of it: the cluster goes on, and whoever asks for what is there is told.
    for (const event of ['error', 'node-error']) cluster.on(event, () => {});
    await connected(cluster, stop);
    this.#nodes = cluster.masters.map(({ host, port }) => ({ host, port }));
    return {
      send: (key, args) => cluster.sendCommand(key, false, args, AS_TEXT),
      servers: async () => {
        // One that does not answer must not keep the others from being used.
        const asked = cluster.masters.map(async (node) =>
          Promise.race([Promise.resolve(cluster.nodeClient(node)).then(infoOf), nothingAfter(INFO_TIMEOUT)]),
        );
        const answers = await Promise.allSettled(asked);
        return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
      },
      isAlive: () => cluster.isOpen,
      destroy: () => cluster.destroy(),
    };
  }
}

/** How a cluster is to be used, whoever made it. */
const CLUSTER = {
  useReplicas: false,
  // A node that does not answer must not keep the others from being connected.
  minimizeConnections: true,
  topologyRefreshOnReconnectionAttemptStrategy: NODE_PAUSE,
  commandOptions: AS_TEXT,
};

async function openSingle(client: SingleClient, lost: (error: unknown) => void, stop: AbortSignal): Promise<Link> {
  let failure: unknown;
  let isOpen = false;
  client.on('error', (error: unknown) => {
    failure = error;
  });
  client.on('terminated', (error: unknown) => {
    if (isOpen) lost(error ?? failure);
  });
  await connected(client, stop);
  isOpen = true;
  return {
    send: (_, args) => client.sendCommand(args, AS_TEXT),
    servers: () => infoOf(client),
    isAlive: () => client.isOpen,
    destroy: () => {
      isOpen = false;
      client.destroy();
    },
  };
}

async function infoOf(client: SingleClient): Promise<string[]> {
  try {
    return [String(await client.sendCommand(['INFO', 'server'], AS_TEXT))];
  } catch {
    return []; // not permitted
  }
}

function nothingAfter(ms: number): Promise<string[]> {
  return new Promise((resolve) => setTimeout(resolve, ms, []).unref());
}

async function connected(client: SingleClient | ClusterClient, stop: AbortSignal): Promise<void> {
  const destroy = () => client.destroy();
  stop.addEventListener('abort', destroy, { once: true });
  try {
    await client.connect();
    stop.throwIfAborted();
  } catch (error) {
    client.destroy();
    throw error;
  } finally {
    stop.removeEventListener('abort', destroy);
  }
}

function singleOptions(url: URL) {
  const text = (part: string) => (part === '' ? undefined : decodeURIComponent(part));
  const database = Number(url.pathname.slice(1));
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const secure = url.protocol === 'rediss:' ? { tls: true as const } : {};
  return {
    ...OFF,
    username: text(url.username),
    password: text(url.password),
    ...(database > 0 && { database }),
    commandOptions: AS_TEXT,
    socket: { host, port: url.port === '' ? 6379 : Number(url.port), ...secure, ...NO_RECONNECTION },
  };
}

const NO_RECONNECTION = { reconnectStrategy: false, connectTimeout: CONNECT_TIMEOUT } as const;

function isCluster(client: RedisClient): client is RedisClient & { readonly _options?: ClusterOptions } {
  return 'nodeByAddress' in client;
}

interface ClusterOptions {
  readonly rootNodes?: readonly object[];
  readonly defaults?: { readonly socket?: SocketOptions };
  readonly nodeAddressMap?: unknown;
}

function duplicateOf<T extends SingleClient | ClusterClient>(
  client: RedisClient,
  nodes: readonly ClusterNode[] = [],
): T {
  if (!isCluster(client)) {
    const { socket } = (client as { readonly options?: { readonly socket?: SocketOptions } }).options ?? {};
    return client.duplicate({ ...OFF, commandOptions: AS_TEXT, socket: { ...socket, ...NO_RECONNECTION } }) as T;
  }
  const { rootNodes = [], defaults, nodeAddressMap } = client._options ?? {};
  // Where addresses are mapped, those that the nodes have among each other lead nowhere.
  const known = nodeAddressMap === undefined ? nodes : [];
  return client.duplicate({
    ...CLUSTER,
    clientSideCache: undefined,
    rootNodes: [...rootNodes, ...known.map(({ host, port }) => ({ socket: { host, port } }))],
    defaults: {
      ...defaults,
      ...OFF,
      socket: { ...defaults?.socket, connectTimeout: CONNECT_TIMEOUT, reconnectStrategy: NODE_PAUSE },
    },
  }) as T;
}
