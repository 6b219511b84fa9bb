/** A header that is set on a response which middleware may have had before. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { setNodeHeader } from '../../src/http/nodeHeader.ts';

const given = () => new ServerResponse(new IncomingMessage(new Socket()));

test.each<[string | string[], string]>([
  ['Accept-Encoding', 'Accept-Encoding, Origin'],
  ['Accept-Encoding,  origin', 'Accept-Encoding,  origin'],
  [['Accept-Encoding', 'Accept'], 'Accept-Encoding,Accept, Origin'],
  ['*', '*'],
  ['Accept, *', 'Accept, *'],
])('Vary, where %j is there: %j', (before, after) => {
  const response = given();
  response.setHeader('Vary', before);
  setNodeHeader(response, 'Vary', 'Origin');
  expect(response.getHeader('Vary')).toBe(after);
});

test('any other takes the place of what was there', () => {
  const response = given();
  setNodeHeader(response, 'Vary', 'Origin');
  response.setHeader('Connection', 'keep-alive');
  setNodeHeader(response, 'Connection', 'close');
  expect({ ...response.getHeaders() }).toEqual({ vary: 'Origin', connection: 'close' });
});

test('once the head has left it is too late, which is no error', () => {
  const response = given();
  response.flushHeaders();
  setNodeHeader(response, 'Connection', 'close');
  expect(response.hasHeader('Connection')).toBe(false);
});
