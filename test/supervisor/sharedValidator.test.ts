/** The validator that all sessions share: it validates, mixes nothing up, and keeps no schema alive. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv-provider.js';
import type { JsonSchemaType } from '@modelcontextprotocol/sdk/validation/types.js';
import { expect, test, vi } from 'vitest';
import { SharedValidator } from '../../src/supervisor/sharedValidator.ts';
import { turns } from '../support/until.ts';

/** A schema as a server has one: an object of its own each time. */
function schema(properties: Record<string, object>, more: object = {}): JsonSchemaType {
  return { type: 'object', properties, ...more } as JsonSchemaType;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Drops the schemas that `make` made, and says how many of them are still in memory. */
async function alive(make: () => WeakRef<object>[]): Promise<number> {
  const refs = make();
  await turns(1); // a WeakRef holds its target until the turn is over
  collectGarbage();
  return refs.filter((ref) => ref.deref() !== undefined).length;
}

test("validates, as the SDK's own does", () => {
  const shared = new SharedValidator();
  const own = new AjvJsonSchemaValidator();
  const of = schema(
    { n: { type: 'integer', minimum: 1 }, mail: { type: 'string', format: 'email' } },
    { required: ['n'] },
  );
  for (const input of [
    { n: 1 },
    { n: 1, mail: 'a@b.cd' },
    {},
    { n: 0 },
    { n: '1' },
    { n: 1, mail: 'a' },
    null,
    'text',
  ]) {
    expect(shared.getValidator(of)(input)).toEqual(own.getValidator(of)(input));
  }
  expect(shared.getValidator(of)({ n: 1 })).toEqual({ valid: true, data: { n: 1 }, errorMessage: undefined });
  expect(shared.getValidator(of)({ n: 0 })).toMatchObject({ valid: false, data: undefined });
});

test('compiles a schema once', () => {
  const shared = new SharedValidator();
  const of = schema({ n: { type: 'integer' } });
  expect(shared.getValidator(of)).toBe(shared.getValidator(of));
  expect(shared.getValidator(schema({ n: { type: 'integer' } }))).not.toBe(shared.getValidator(of));
});

test('has one Ajv for 256 schemas, and one more for each schema with an $id', () => {
  const compiling = vi.spyOn(AjvJsonSchemaValidator.prototype, 'getValidator');
  const ajvs = () => new Set(compiling.mock.contexts).size;
  const shared = new SharedValidator();
  const compile = (n: number, more?: object) => shared.getValidator(schema({ n: { const: n } }, more));
  for (let n = 0; n < 512; n++) compile(n);
  expect(ajvs()).toBe(2);
  compile(512);
  expect(ajvs()).toBe(3);
  for (const n of [1, 2]) compile(n, { $id: `https://example.com/${n}` });
  compile(513);
  expect(ajvs()).toBe(5);
});

test('validators go on working however many come after them', () => {
  const shared = new SharedValidator();
  const all = Array.from({ length: 600 }, (_, n) => {
    const of = schema({ n: { const: n } });
    return { of, validate: shared.getValidator(of) };
  });
  for (const [n, { of, validate }] of all.entries()) {
    expect(shared.getValidator(of)).toBe(validate);
    expect([validate({ n }).valid, validate({ n: n + 1 }).valid]).toEqual([true, false]);
  }
});

test('a schema that can not be compiled throws, every time, and hurts no other', () => {
  const shared = new SharedValidator();
  const broken = schema({ n: { $ref: '#/nowhere' } });
  const before = schema({ n: { type: 'integer' } });
  expect(shared.getValidator(before)({ n: 1 }).valid).toBe(true);
  expect(() => shared.getValidator(broken)).toThrow('nowhere');
  expect(() => shared.getValidator(broken)).toThrow('nowhere');
  expect(shared.getValidator(schema({ n: { type: 'string' } }))({ n: 1 }).valid).toBe(false);
});

test('two servers may give different schemas the same $id', () => {
  const shared = new SharedValidator();
  const $id = 'https://example.com/answer';
  const text = shared.getValidator(schema({ a: { type: 'string' } }, { $id }));
  const whole = shared.getValidator(schema({ a: { type: 'integer' } }, { $id }));
  expect([text({ a: 'x' }).valid, text({ a: 1 }).valid]).toEqual([true, false]);
  expect([whole({ a: 'x' }).valid, whole({ a: 1 }).valid]).toEqual([false, true]);
});

test.each([
  ['of the schema', { $id: 'https://example.com/answer' }],
  ['further down', {}],
])('a $ref finds the $id %s only within its own server', (_, more) => {
  const shared = new SharedValidator();
  const $id = 'https://example.com/part';
  const withPart = (where: string, type: string) =>
    schema({ [where]: { type: 'object', properties: { part: { $id, type } } }, a: { $ref: $id } }, more);
  const text = shared.getValidator(withPart('here', 'string'));
  const whole = shared.getValidator(withPart('there', 'integer'));
  expect([text({ a: 'x' }).valid, text({ a: 1 }).valid]).toEqual([true, false]);
  expect([whole({ a: 'x' }).valid, whole({ a: 1 }).valid]).toEqual([false, true]);
  expect(() => shared.getValidator(schema({ a: { $ref: $id } }))).toThrow(/resolve/);
});

test('an $id in the data, or as the name of a property, is no $id', () => {
  const shared = new SharedValidator();
  const of = schema({ $id: { type: 'string' }, a: { const: { $id: 'x' } } });
  expect(shared.getValidator(of)({ $id: 'any', a: { $id: 'x' } }).valid).toBe(true);
  expect(shared.getValidator(of)({ $id: 1 }).valid).toBe(false);
});

test('keeps no schema alive, but for the last few', async () => {
  const shared = new SharedValidator();
  const left = await alive(() =>
    Array.from({ length: 1_000 }, (_, n) => {
      const of = schema({ n: { const: n } });
      shared.getValidator(of)({ n });
      return new WeakRef(of);
    }),
  );
  expect(left).toBeLessThanOrEqual(300);
}, 20_000);

test('keeps no schema with an $id alive', async () => {
  const shared = new SharedValidator();
  const left = await alive(() =>
    Array.from({ length: 50 }, (_, n) => {
      const of = schema({ n: { const: n } }, { $id: `https://example.com/${n}` });
      shared.getValidator(of)({ n });
      return new WeakRef(of);
    }),
  );
  expect(left).toBeLessThanOrEqual(5); // V8 of Node 24 holds the last few by what it has compiled for them
});
