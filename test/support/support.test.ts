/** The kit's own promises: bounds that hold, events read as they were sent, gates that tell what happened. */
import { createServer, type RequestListener } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { Gates } from './gates.ts';
import { listen } from './listen.ts';
import { parseSse, SseParser } from './sse.ts';
import { until } from './until.ts';
import { openStream, post, rawSocket } from './wire.ts';

async function plainServer(listener: RequestListener) {
  const listening = await listen(createServer(listener));
  onTestFinished(listening.close);
  return listening;
}

test('until is bounded, and says what it waited for', async () => {
  await expect(until(() => false, { within: 20, what: 'the impossible' })).rejects.toThrow(
    'Waited 20 ms for the impossible',
  );
  await expect(until(new Promise<string>(() => {}), { within: 20 })).rejects.toThrow('Waited 20 ms');
});

test('until returns what the predicate found, and passes its error on', async () => {
  let asked = 0;
  expect(await until(() => (++asked > 3 ? asked : undefined))).toBe(4);
  const broken = () => {
    throw new Error('broken');
  };
  await expect(until(broken)).rejects.toThrow('broken');
});

test('the SSE parser keeps ids, retry, priming events and comments, however the text is cut', () => {
  const text = ': hello\n\nretry: 40\n\nid: 1\ndata:\n\nid: 2\nretry: 50\nevent: message\ndata: a\ndata: b\n\n';
  const events = [
    { id: '1', data: '' },
    { id: '2', retry: 50, event: 'message', data: 'a\nb' },
  ];
  expect(parseSse(text)).toEqual(events);
  const parser = new SseParser();
  const parts = [...text].map((character) => parser.push(character));
  expect(parts.flatMap((part) => part.events)).toEqual(events);
  expect(parts.flatMap((part) => part.comments)).toEqual(['hello']);
  expect(parts.flatMap((part) => part.retries)).toEqual([40, 50]);
});

test('a gate holds its callers, and tells who entered and who was aborted', async () => {
  const gates = new Gates();
  const controller = new AbortController();
  const held = gates.pass('a', new AbortController().signal);
  const aborted = gates.pass('a', controller.signal);
  const stubborn = gates.pass('a', controller.signal, true);
  await gates.entered('a', 3);
  controller.abort(new Error('stop'));
  await gates.aborted('a', 2);
  await expect(aborted).rejects.toThrow('stop');
  await expect(gates.aborted('a', 3, { within: 10 })).rejects.toThrow('Waited 10 ms');
  gates.open('a');
  await Promise.all([held, stubborn]);
  expect(gates.counts('a')).toEqual({ entered: 3, aborted: 2 });
});

test('an event stream tells events, and a broken end from a proper one', async () => {
  const { url } = await plainServer((req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.write('data: {"jsonrpc":"2.0","method":"a"}\n\n: still here\n\n');
    if (req.method === 'POST') res.end();
    else req.on('close', () => {});
  });
  const proper = await openStream(url, { body: {} });
  expect((await proper.message()).method).toBe('a');
  expect(await proper.closed).toBe(true);
  await expect(proper.next()).rejects.toThrow('ended instead of an event');

  const cut = await openStream(url);
  expect(await cut.comment()).toBe('still here');
  await expect(cut.comment({ within: 10 })).rejects.toThrow('Waited 10 ms');
  cut.destroy();
  expect(await cut.closed).toBe(false);
});

test('a raw socket reads bodies by length, by chunks and to the end, one after the other', async () => {
  const { port, url } = await plainServer((req, res) => {
    if (req.url === '/chunks') {
      res.write('one ');
      res.end('two');
    } else if (req.url === '/end') {
      res.shouldKeepAlive = false;
      res.useChunkedEncodingByDefault = false;
      res.write('until ');
      res.end('the end');
    } else res.end('length');
  });
  expect((await post(url, {})).text).toBe('length');
  const raw = await rawSocket(port);
  for (const [path, body] of [
    ['/', 'length'],
    ['/chunks', 'one two'],
    ['/', 'length'],
    ['/end', 'until the end'],
  ] as const) {
    raw.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    expect(await raw.readResponse()).toMatchObject({ status: 200, body });
  }
  await raw.closed;
  await expect(raw.readResponse()).rejects.toThrow('ended within a response');
});
