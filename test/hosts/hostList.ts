/** The hosts that `npm run hosts` tries: how each is started, and what answers at its endpoints. */

export interface HostEndpoint {
  readonly path: string;
  /** Who reads the bodies of its requests; `nobody`: a neighbour did and has not handed them over. */
  readonly bodies: 'supervisor' | 'host' | 'nobody';
  /** Headers of a neighbour that the answer to an initialize has to show as well. */
  readonly shows?: readonly string[];
  /** Not the whole table of cases: another endpoint has the same neighbour among others. */
  readonly brief?: true;
  /** Cases that go otherwise, because the host answers them by itself or changes the request. */
  readonly except?: readonly string[];
}

export interface Host {
  readonly name: string;
  /** The program, when it is not Node; below `node_modules`. */
  readonly runtime?: string;
  /** Paths are those in `servers/`. */
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Is run to its end before the host is started. */
  readonly before?: readonly string[];
  readonly protocol?: 'h2c';
  readonly endpoints: readonly HostEndpoint[];
}

const RECIPE: readonly HostEndpoint[] = [{ path: '/mcp', bodies: 'supervisor' }];
const PARSED: readonly HostEndpoint[] = [{ path: '/mcp', bodies: 'host' }];

/** Fastify wants a body where there is a content type. */
const FASTIFY_REFUSES = ['DELETE with a content type and no body', 'DELETE without a session', 'a preflight'];

const PARSED_OR_DROPPED: readonly HostEndpoint[] = [...PARSED, { path: '/dropped/mcp', bodies: 'nobody' }];

/** The endpoints of `expressNeighbours.js`. */
const NEIGHBOURS: readonly HostEndpoint[] = [
  { path: '/morgan-old/mcp', bodies: 'supervisor', brief: true },
  { path: '/compression-old/mcp', bodies: 'supervisor', brief: true },
  { path: '/session-old/mcp', bodies: 'supervisor', brief: true, shows: ['set-cookie'] },
  { path: '/old/mcp', bodies: 'supervisor', shows: ['set-cookie'] },
  { path: '/morgan/mcp', bodies: 'supervisor', brief: true },
  { path: '/compression/mcp', bodies: 'supervisor', brief: true },
  { path: '/session/mcp', bodies: 'supervisor', brief: true, shows: ['set-cookie'] },
  { path: '/helmet/mcp', bodies: 'supervisor', brief: true, shows: ['x-content-type-options'] },
  {
    path: '/cors/mcp',
    bodies: 'supervisor',
    brief: true,
    shows: ['access-control-allow-origin'],
    except: ['a preflight'],
  },
  { path: '/all/mcp', bodies: 'supervisor', shows: ['set-cookie', 'x-content-type-options'], except: ['a preflight'] },
  { path: '/json/mcp', bodies: 'host' },
  { path: '/text/mcp', bodies: 'host' },
  { path: '/raw/mcp', bodies: 'host' },
  { path: '/encoding/mcp', bodies: 'supervisor', except: ['Latin-1'] }, // Node replaced what was not UTF-8,
  { path: '/dropped/mcp', bodies: 'nobody' },
];

const NEXT = ['node_modules/next/dist/bin/next'];
const DENO_MAY = ['--allow-net=127.0.0.1', '--allow-env', '--allow-read', '--allow-sys'];

export const HOSTS: readonly Host[] = [
  { name: 'node:http', args: ['nodeHttp.js'], endpoints: RECIPE },
  { name: 'HTTP/2', args: ['http2.js'], protocol: 'h2c', endpoints: RECIPE },
  { name: 'Express 5', args: ['express.js'], endpoints: PARSED },
  { name: 'Express 4', args: ['express4.js'], endpoints: PARSED },
  { name: 'neighbours in Express 5', args: ['expressNeighbours.js', '5'], endpoints: NEIGHBOURS },
  { name: 'neighbours in Express 4', args: ['expressNeighbours.js', '4'], endpoints: NEIGHBOURS },
  { name: 'Fastify', args: ['fastify.js'], endpoints: RECIPE },
  {
    name: 'Fastify with its parser',
    args: ['fastifyParsed.js'],
    endpoints: [
      { path: '/mcp', bodies: 'host', except: FASTIFY_REFUSES },
      { path: '/dropped/mcp', bodies: 'nobody' },
    ],
  },
  { name: 'Hono', args: ['hono.js'], endpoints: RECIPE },
  {
    name: 'Hono with a body read before',
    args: ['honoParsed.js'],
    endpoints: [...PARSED_OR_DROPPED, { path: '/json/mcp', bodies: 'host' }],
  },
  { name: 'Koa', args: ['koa.js'], endpoints: RECIPE },
  {
    name: 'Koa with body parsers',
    args: ['koaParsed.js'],
    endpoints: [...PARSED_OR_DROPPED, { path: '/koa-bodyparser/mcp', bodies: 'host' }],
  },
  { name: 'NestJS', args: ['.artifacts/nest.js'], endpoints: PARSED },
  {
    name: 'Next.js',
    before: [...NEXT, 'build', 'next'],
    args: [...NEXT, 'start', 'next', '--hostname', '127.0.0.1'],
    endpoints: [{ path: '/mcp', bodies: 'supervisor', except: ['PUT'] }], // a method that the route does not export
    env: { NEXT_MANUAL_SIG_HANDLE: 'true' }, // or it would end on SIGTERM without waiting for what is ours
  },
  { name: 'Bun', runtime: 'bun/bin/bun.exe', args: ['bun.js'], endpoints: RECIPE },
  {
    name: 'Deno',
    runtime: 'deno/deno',
    args: ['run', '--node-modules-dir=manual', '--no-remote', '--no-prompt', ...DENO_MAY, 'deno.js'],
    endpoints: RECIPE,
  },
];
