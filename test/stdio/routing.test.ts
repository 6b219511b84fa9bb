/** Which way what a process says goes to its client. */
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../support/simulatedClock.ts';
import { until } from '../support/until.ts';
import { callBody, type InitializeOptions, initialize, openStream, post } from '../support/wire.ts';
import { serveProcesses } from './simulatedProcesses.ts';

async function given(serving: Parameters<typeof serveProcesses>[1] = {}, client: InitializeOptions = {}) {
  const served = await serveProcesses({}, serving);
  const { url, launcher } = served;
  const { headers } = await initialize(url, client);
  const process = launcher.last;
  /** Makes a call that streams; resolves when the process has it. */
  const call = async (id: string | number, progressToken?: string | number) => {
    const before = process.written.length;
    const opening = openStream(url, { headers, body: callBody('t', {}, id, progressToken) });
    await until(() => process.written.length > before, { what: 'the call at the process' });
    return opening;
  };
  const listen = () => openStream(url, { headers });
  const send = (message: object) => post(url, { jsonrpc: '2.0', ...message }, headers);
  const answers = () => process.heard.filter(({ method }) => method === undefined);
  return { ...served, headers, process, call, listen, send, answers };
}

const roots = { id: 1, method: 'roots/list' };
const note = (n: number) => ({ method: 'notifications/message', params: { level: 'info', data: n } });

describe('ids', () => {
  test('case 22: the process asks with the id of a call in flight', async () => {
    const { process, call, send, answers } = await given();
    const stream = await call(1);
    process.say(roots);
    expect(await stream.message()).toMatchObject(roots);
    await send({ id: 1, result: { roots: [] } });
    expect(answers()).toMatchObject([{ id: 1, result: { roots: [] } }]);
    process.say({ id: 1, result: { content: [] } });
    expect(await stream.message()).toMatchObject({ id: 1, result: { content: [] } });
  });

  test('case 23: "1" is another id than 1', async () => {
    const { process, call } = await given();
    const [text, number] = [await call('1'), await call(1)];
    process.say({ id: 1, result: { n: 1 } });
    process.say({ id: '1', result: { n: '1' } });
    expect((await number.message()).result).toEqual({ n: 1 });
    expect((await text.message()).result).toEqual({ n: '1' });
  });

  test('case 24: an answer to nothing, and a second one, are dropped', async () => {
    const { process, call, url, headers } = await given();
    const stream = await call(1);
    process.say({ id: 99, result: {} });
    process.say({ id: 1, result: { n: 1 } });
    process.say({ id: 1, result: { n: 2 } });
    expect((await stream.message()).result).toEqual({ n: 1 });
    expect(await stream.closed).toBe(true);
    const next = post(url, { jsonrpc: '2.0', id: 2, method: 'ping' }, headers);
    await until(() => process.heard.some(({ id }) => id === 2));
    process.say({ id: 2, result: {} });
    expect((await next).status).toBe(200);
  });

  test('case 27: cancellations go both ways, and a late answer to nobody', async () => {
    const { process, call, send } = await given();
    const stream = await call(1);
    process.say({ id: 5, method: 'sampling/createMessage', params: {} });
    await stream.message();
    process.say({ method: 'notifications/cancelled', params: { requestId: 5 } });
    expect(await stream.message()).toMatchObject({ method: 'notifications/cancelled', params: { requestId: 5 } });
    await send({ method: 'notifications/cancelled', params: { requestId: 1 } });
    expect(process.heard.at(-1)).toMatchObject({ method: 'notifications/cancelled', params: { requestId: 1 } });
    process.say({ id: 1, result: {} });
    expect(await stream.closed).toBe(true);
    expect(stream.waiting).toEqual([]);
  });
});

describe('the way', () => {
  test('case 34: with the one call in flight, without a GET stream and with one', async () => {
    const { process, call, listen } = await given();
    const stream = await call(1);
    process.say(note(1));
    expect((await stream.message()).params.data).toBe(1);
    const get = await listen();
    process.say(note(2));
    expect((await stream.message()).params.data).toBe(2);
    expect(get.waiting).toEqual([]);
  });

  test('case 34: with two calls the oldest, or the GET stream where there is one', async () => {
    const { process, call, listen } = await given();
    const [oldest] = [await call(1), await call(2)];
    process.say({ id: 9, method: 'sampling/createMessage', params: {} });
    expect((await oldest.message()).method).toBe('sampling/createMessage');
    const get = await listen();
    process.say(note(2));
    expect((await get.message()).params.data).toBe(2);
  });

  test('case 35: progress goes with its call, whatever else there is', async () => {
    const { process, call, listen } = await given();
    const [first, second] = [await call(1, 'a'), await call(2, 'b')];
    await listen();
    process.say({ method: 'notifications/progress', params: { progressToken: 'b', progress: 1 } });
    process.say({ method: 'notifications/progress', params: { progressToken: 'a', progress: 2 } });
    expect((await second.message()).params.progress).toBe(1);
    expect((await first.message()).params.progress).toBe(2);
  });

  test('what belongs to a task goes with the request for its result', async () => {
    const { process, url, headers, call } = await given();
    await call(1);
    const body = { jsonrpc: '2.0', id: 2, method: 'tasks/result', params: { taskId: 't1' } };
    const opening = openStream(url, { headers, body });
    await until(() => process.heard.at(-1)?.id === 2);
    const result = await opening;
    const _meta = { 'io.modelcontextprotocol/related-task': { taskId: 't1' } };
    process.say({ id: 7, method: 'elicitation/create', params: { message: 'x', _meta } });
    expect((await result.message()).id).toBe(7);
  });

  test('the cancellation of a request goes the way of the request', async () => {
    const { process, call } = await given();
    const first = await call(1);
    process.say({ id: 5, method: 'sampling/createMessage', params: {} });
    await first.message();
    const second = await call(2);
    process.say({ id: 1, result: {} });
    await first.message();
    process.say({ method: 'notifications/cancelled', params: { requestId: 5 } });
    expect((await second.message()).params.requestId).toBe(5);
  });
});

describe('where there is no way', () => {
  test('case 33: roots/list at `initialized` waits for the GET stream', async () => {
    const { process, listen, send, answers } = await given();
    process.say(roots);
    process.say(note(1));
    const get = await listen();
    expect(await get.message()).toMatchObject(roots);
    expect((await get.message()).params.data).toBe(1);
    await send({ id: 1, result: { roots: [] } });
    expect(answers()).toMatchObject([{ id: 1, result: { roots: [] } }]);
  });

  test('it goes with the next call, if that comes first', async () => {
    const { process, call } = await given();
    process.say(roots);
    const stream = await call(1);
    expect(await stream.message()).toMatchObject(roots);
  });

  test('after 2 s a notification is dropped, and who asked hears that nobody was asked', async () => {
    const clock = new SimulatedClock();
    const { process, listen, answers } = await given({ clock });
    process.say(note(1));
    process.say({ id: 'q', method: 'roots/list' });
    clock.increment(1_999);
    expect(answers()).toEqual([]);
    clock.increment(1);
    expect(answers()).toMatchObject([{ id: 'q', error: { code: -32000 } }]);
    const get = await listen();
    process.say(note(2));
    expect((await get.message()).params.data).toBe(2);
  });

  test('64 messages are held, and 256 kB', async () => {
    const { process, answers, listen } = await given();
    for (let n = 0; n < 65; n++) process.say({ id: n, method: 'ping' });
    expect(answers().map(({ id }) => id)).toEqual([64]);
    const get = await listen();
    for (let n = 0; n < 64; n++) expect((await get.message()).id).toBe(n);
    get.destroy();
    await until(() => get.ended);
  });

  test('a large one is not held', async () => {
    const { process, answers } = await given();
    process.say({ id: 1, method: 'x', params: { text: 'x'.repeat(256 * 1024) } });
    expect(answers().map(({ id }) => id)).toEqual([1]);
  });

  test('a request that is cancelled while it is held was never asked', async () => {
    const { process, listen } = await given();
    process.say(roots);
    process.say({ method: 'notifications/cancelled', params: { requestId: 1 } });
    process.say(note(3));
    const get = await listen();
    expect((await get.message()).params.data).toBe(3);
  });

  test('a call in JSON mode carries nothing', async () => {
    const { process, listen, url, headers } = await given({ enableJsonResponse: true });
    const answer = post(url, callBody('t'), headers);
    await until(() => process.heard.at(-1)?.method === 'tools/call');
    process.say(roots);
    const get = await listen();
    expect(await get.message()).toMatchObject(roots);
    process.say({ id: 1, result: {} });
    expect((await answer).status).toBe(200);
  });
});

test('before the initialize is answered, notifications travel with its answer, and questions wait', async () => {
  const served = await serveProcesses();
  const { launcher, url } = served;
  const answer = launcher.answer;
  launcher.answer = (message, process) => {
    if (message.method === 'initialize') {
      process.say(note(0));
      process.say(roots);
    }
    answer(message, process);
  };
  const { response, headers } = await initialize(url);
  expect(response.messages().map(({ method, id }) => method ?? id)).toEqual(['notifications/message', 0]);
  const get = await openStream(url, { headers });
  expect(await get.message()).toMatchObject(roots);
});

test('case 36: log level and subscriptions pass', async () => {
  const { process, url, headers } = await given();
  for (const body of [
    { jsonrpc: '2.0', id: 1, method: 'logging/setLevel', params: { level: 'debug' } },
    { jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri: 'x://y' } },
  ]) {
    const answer = post(url, body, headers);
    await until(() => process.heard.at(-1)?.id === body.id);
    expect(process.heard.at(-1)).toEqual(body);
    process.say({ id: body.id, result: {} });
    expect((await answer).messages()).toEqual([{ jsonrpc: '2.0', id: body.id, result: {} }]);
  }
});
