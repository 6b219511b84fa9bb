/** The URL of a node:http request, whatever its line and its headers say, without a socket. */
import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { NodeRequestInfo } from '../../src/http/nodeRequestInfo.ts';

const HOST = { host: 'a.example:8080' };

const urlOf = (url: string | undefined, headers: object = HOST, socket: object = {}) =>
  new NodeRequestInfo({ url, headers, socket } as IncomingMessage).url.href;

test.each([
  ['a path', '/mcp?a=1', 'http://a.example:8080/mcp?a=1'],
  ['no path', undefined, 'http://a.example:8080/'],
  ['a path of two slashes', '//evil.example/mcp', 'http://a.example:8080//evil.example/mcp'],
  ['a whole URL', 'http://b.example/mcp', 'http://b.example/mcp'],
  ['a whole URL in capitals', 'HTTPS://B.example/mcp', 'https://b.example/mcp'],
  ['a URL with credentials', 'http://user:secret@b.example/mcp', 'http://b.example/mcp'],
  ['what is no URL', 'http://[', 'http://a.example:8080/'],
  ['a URL of another scheme', 'ftp://b.example/mcp', 'http://a.example:8080/'],
  ['one that ends with a URL of ours', 'ftp://b.example/http://a.example', 'http://a.example:8080/'],
  ['an asterisk', '*', 'http://a.example:8080/'],
])('of %s', (_, url, whole) => {
  expect(urlOf(url)).toBe(whole);
});

test.each([
  ['Host', HOST, 'a.example:8080'],
  ['the authority of HTTP/2', { ':authority': 'b.example' }, 'b.example'],
  ['Host, where both are there', { ...HOST, ':authority': 'b.example' }, 'a.example:8080'],
  ['nothing', {}, 'localhost'],
  ['what is no host', { host: 'a b' }, 'localhost'],
  ['a host with a path', { host: 'a.example/other' }, 'a.example'],
])('by %s', (_, headers, host) => {
  expect(urlOf('/mcp', headers)).toBe(`http://${host}/mcp`);
  expect(urlOf('/mcp', headers, { encrypted: true })).toBe(`https://${host}/mcp`);
});

test('is made once, and is a member like the headers', () => {
  const info = new NodeRequestInfo({ url: '/mcp', headers: HOST, socket: {} } as IncomingMessage);
  expect(info.url).toBe(info.url);
  expect(Object.keys(info)).toEqual(['headers', 'url']);
  expect(info.headers).toBe(HOST);
});

test('is one of its own, whoever asked for the same before and changed it', () => {
  const make = () => new NodeRequestInfo({ url: '/mcp', headers: HOST, socket: {} } as IncomingMessage).url;
  make().pathname = '/changed';
  expect(make().href).toBe('http://a.example:8080/mcp');
  expect(urlOf('/other')).toBe('http://a.example:8080/other');
  expect(urlOf('/mcp', { host: 'b.example' })).toBe('http://b.example/mcp');
});
