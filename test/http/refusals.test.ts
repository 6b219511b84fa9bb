/**
 * The table of refusals, row by row as a client gets them; and what a refusal leaves behind: nothing. The rows are in
 * `refusals/`, by what they are refused for.
 */
import { expect, test } from 'vitest';
import type { RefusalName } from '../../src/errors.ts';
import { serve } from '../support/serve.ts';
import { becomesIdle } from '../support/sessionLife.ts';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { initialize } from '../support/wire.ts';
import { BODY_ROWS } from './refusals/bodyRows.ts';
import { MESSAGE_ROWS } from './refusals/messageRows.ts';
import { MODERN_ROWS } from './refusals/modernRows.ts';
import { REQUEST_ROWS } from './refusals/requestRows.ts';
import type { Row } from './refusals/row.ts';
import { SESSION_ROWS } from './refusals/sessionRows.ts';

/**
 * It takes servers that have outlived their sessions: see `serverLives.test.ts`; or sessions that have outlived their
 * servers: see `durable/`; or servers that are processes: see `stdio/`; or several nodes: see `../cluster/`.
 */
type Elsewhere =
  | 'tooManyServers'
  | 'serverUnavailable'
  | 'ownerLost'
  | 'notJoined'
  | 'sessionElsewhere'
  | 'restoring'
  | 'restoreFailed'
  | 'tooManyRestores';

const ROWS: Record<Exclude<RefusalName, Elsewhere>, Row> = {
  ...REQUEST_ROWS,
  ...BODY_ROWS,
  ...MESSAGE_ROWS,
  ...SESSION_ROWS,
  ...MODERN_ROWS,
};

test.each(Object.entries(ROWS))('%s', async (name, row) => {
  const { status, code, message, headers = {}, id = null, options = {}, within = false, send } = row;
  const clock = new SimulatedClock();
  const served = await serve({ clock, ...options });
  const { supervisor, events, log, url } = served;
  const { sessionId = '', headers: session = {} } = within ? await initialize(url) : {};
  if (within) await becomesIdle(served, sessionId);

  const answer = await send({ ...served, clock, session });
  expect(answer.status).toBe(status);
  expect(JSON.parse(answer.text)).toEqual({ jsonrpc: '2.0', id, error: { code, message } });
  expect(answer.headers).toMatchObject({ 'content-type': 'application/json', ...headers });
  expect(answer.headers).not.toHaveProperty('mcp-session-id');
  if (!('retry-after' in headers)) expect(answer.headers).not.toHaveProperty('retry-after');

  const told = log.filter(({ event }) => event === 'request.refused');
  expect(told).toEqual([expect.objectContaining({ refusal: name, status, count: 1 })]);

  expect([...supervisor.sessions()].map((info) => info.id)).toEqual(within ? [sessionId] : []);
  expect(events.filter(({ type }) => type === 'session.opened')).toHaveLength(within ? 1 : 0);
  if (!within) expect(events.filter(({ type }) => type !== 'session.terminated')).toEqual([]);
});
