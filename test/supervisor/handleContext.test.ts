/** Whose call it is, by what a handler was given: nobody is guessed where somebody asked. */
import { describe, expect, test } from 'vitest';
import type { SessionContext } from '../../src/options.ts';
import { type PrincipalSource, principalIn } from '../../src/supervisor/handleContext.ts';
import { TinyServer } from '../support/tinyServer.ts';
import { open } from './astray/embedder.ts';
import { ANN, BOB, NOT_FOUND, world } from './handleLife.ts';

const source = (failures: unknown[] = []): PrincipalSource => ({
  resolver: ({ headers, authInfo }) => (headers['x-user'] as string | undefined) ?? authInfo?.clientId,
  session: (id) => ({ anns: { principal: 'ann' }, nobodys: { principal: undefined } })[id],
  failed: (error) => failures.push(error),
});

const authInfo = { token: 't', clientId: 'bob', scopes: [] };
const headers = { 'x-user': 'ann' };

describe('a context', () => {
  test.each([
    ['SDK v1, by headers', { sessionId: undefined, authInfo: undefined, requestInfo: { headers } }, 'ann'],
    ['SDK v1, by authInfo', { authInfo, requestInfo: { headers: {} } }, 'bob'],
    ['SDK v1, of nobody', { authInfo: undefined, requestInfo: { headers: {} } }, undefined],
    ['SDK v2, by headers', { http: { req: new Request('http://localhost', { headers }) } }, 'ann'],
    ['SDK v2, by authInfo', { http: { req: new Request('http://localhost'), authInfo } }, 'bob'],
    ['SDK v2, of nobody', { http: { req: new Request('http://localhost') } }, undefined],
    ['of a session that lives', { sessionId: 'anns', authInfo, requestInfo: { headers: {} } }, 'ann'],
    ['of a session of nobody', { sessionId: 'nobodys', authInfo, requestInfo: { headers } }, undefined],
    ['of a session that is gone, by its request', { sessionId: 'gone', authInfo, requestInfo: { headers: {} } }, 'bob'],
    ['of the factory', { id: 'gone', principal: 'ann', authInfo, headers: {} }, 'ann'],
    ['of who says it', { principal: 'carol' }, 'carol'],
    ['of who says nobody', { principal: undefined }, undefined],
    ['of a session, whatever else it says', { sessionId: 'anns', principal: 'bob' }, 'ann'],
  ])('%s', (_, context, principal) => {
    expect(principalIn(context, source())).toBe(principal);
  });

  test.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'ann'],
    ['an empty object', {}],
    ['a session that is gone, alone', { sessionId: 'gone' }],
    ['SDK v1, its authInfo left out', { requestInfo: { headers: {} } }],
    ['SDK v1, its request left out', { authInfo }],
    ['SDK v1, its headers left out', { authInfo, requestInfo: {} }],
    ['SDK v1, over stdio', { sessionId: undefined, authInfo: undefined, requestInfo: undefined }],
    ['SDK v2, its request left out', { http: { authInfo } }],
    ['SDK v2, over stdio', { http: undefined }],
    ['a principal that is no text', { principal: 7 }],
  ])('that does not tell: %s', (_, context) => {
    const failures: unknown[] = [];
    expect(() => principalIn(context, source(failures))).toThrow(
      expect.objectContaining({ code: 'NO_PRINCIPAL', message: expect.stringContaining('does not tell who asks') }),
    );
    expect(failures).toEqual([]);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
      'broken',
    ],
    ['returns a number', () => 7, 'It returned number'],
    ['returns a promise', async () => Promise.reject(new Error('late')), 'It returned a promise'],
  ])('whose resolver %s is refused, and that is told', (_, resolver, message) => {
    const failures: unknown[] = [];
    const broken = { ...source(failures), resolver: resolver as never };
    const context = { authInfo: undefined, requestInfo: { headers: {} } };
    expect(() => principalIn(context, broken)).toThrow(
      expect.objectContaining({ code: 'NO_PRINCIPAL', message: 'It could not be found out who asks' }),
    );
    expect(failures).toMatchObject([{ message }]);
  });
});

describe('a supervisor', () => {
  test('refuses each of the three where nobody knows who asks', async () => {
    const { create, use, end } = world();
    const id = await create(ANN);
    const refused = { code: 'NO_PRINCIPAL' };
    await expect(create({})).rejects.toMatchObject(refused);
    await expect(use(id, {}, () => {})).rejects.toMatchObject(refused);
    await expect(end(id, undefined as never)).rejects.toMatchObject(refused);
    // The context forgotten altogether, which types tell and JavaScript does not.
    await expect(use(id, (() => {}) as never, undefined as never)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('is missing: pass on what the tool handler was given'),
    });
    await expect(use(id, ANN, undefined as never)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: 'What uses a handle must be a function; got undefined',
    });
    expect(await use(id, ANN, () => 'in')).toBe('in');
  });

  test('tells of its principal option once a second, however often that fails', async () => {
    const { create, log, clock } = world({}, { principal: () => 7 as never });
    const context = { authInfo: undefined, requestInfo: { headers: {} } };
    for (let n = 0; n < 5; n++) await expect(create(context)).rejects.toMatchObject({ code: 'NO_PRINCIPAL' });
    clock.increment(1_000);
    await expect(create(context)).rejects.toMatchObject({ code: 'NO_PRINCIPAL' });
    const lines = log.filter(({ event }) => event === 'principal.failed');
    expect(lines.map(({ level, count }) => [level, count])).toEqual([
      ['error', 1],
      ['error', 5],
    ]);
  });

  test('takes the context of its factory, also a copy of it', async () => {
    const contexts: SessionContext[] = [];
    const { create, use, supervisor } = world(
      {},
      {
        principal: () => 'ann',
        server: (session) => {
          contexts.push(session);
          return new TinyServer();
        },
      },
    );
    await open(supervisor);
    const [session] = contexts as [SessionContext];
    const id = await create(session);
    expect(await use(id, { ...session }, ({ principal }) => principal)).toBe('ann');
    await expect(use(id, BOB, () => {})).rejects.toMatchObject(NOT_FOUND);
  });
});
