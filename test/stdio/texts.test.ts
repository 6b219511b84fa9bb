/** What passes between a client and a process: byte for byte, both ways. */
import { describe, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { initialize, initializeBody, openStream, post } from '../support/wire.ts';
import { SimulatedLauncher, serveProcesses } from './simulatedProcesses.ts';

/** What JSON.parse and JSON.stringify would change. */
const ODD = '{"n":[1.0,1e2,-0,1E400,12345678901234567890],"2":"b","1":"a","a":1,"a":2,"path":"\\/x","u":"\u2028é😀"}';

async function given(
  options: Parameters<typeof serveProcesses>[1] = {},
  more: Parameters<typeof serveProcesses>[0] = {},
) {
  const served = await serveProcesses(more, options);
  const { headers } = await initialize(served.url);
  return { ...served, headers, process: served.launcher.last };
}

/** The message of an answer, as it was on the wire. */
const dataOf = (text: string) =>
  text
    .split('\n')
    .find((line) => line.startsWith('data: {'))
    ?.slice(6) ?? text;

describe('case 20: numbers, order, duplicates and escapes', () => {
  test.each([false, true])(
    'reach the process and come back as they were; enableJsonResponse: %s',
    async (enableJsonResponse) => {
      const { url, headers, process } = await given({ enableJsonResponse });
      const sent = `{ "jsonrpc":"2.0", "id":1.0, "method":"tools/call", "params":${ODD} }`;
      const answer = post(url, sent, headers);
      await until(() => process.written.at(-1)?.includes('tools/call'));
      expect(process.written.at(-1)).toBe(sent);
      const said = `{"result":${ODD}, "id": 1, "jsonrpc":"2.0"}`;
      process.say(said);
      expect(dataOf((await answer).text)).toBe(said);
    },
  );

  test('also in an initialize and its answer', async () => {
    const launcher = new SimulatedLauncher();
    const said = `{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"x":${ODD}}}`;
    launcher.answer = ({ method }, process) => {
      if (method === 'initialize') process.say(said);
    };
    const { url } = await serveProcesses({}, {}, launcher);
    const sent = JSON.stringify(initializeBody()).replace(
      '"capabilities":{}',
      `"capabilities":{"experimental":${ODD}}`,
    );
    const answer = await post(url, sent);
    expect(launcher.last.written[0]).toBe(sent);
    expect(dataOf(answer.text)).toBe(said);
  });

  test('in what the process asks and is answered, with and without an epoch', async () => {
    for (const restart of ['temporary', 'permanent'] as const) {
      const { url, headers, process } = await given({}, { restart });
      const stream = await openStream(url, { headers });
      const asked = `{"jsonrpc":"2.0","id":0,"method":"sampling/createMessage","params":${ODD}}`;
      process.say(asked);
      expect((await stream.next()).data).toBe(asked);
      const answer = `{"jsonrpc":"2.0","id":0,"result":${ODD}}`;
      expect((await post(url, answer, headers)).status).toBe(202);
      expect(process.written.at(-1)).toBe(answer);
    }
  });

  test('of a call whose id is in use by another that was left: the id is replaced, and nothing else', async () => {
    const { url, headers, process } = await given();
    const call = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"odd":${ODD},"_meta":{"progressToken":7}}}`;
    const first = await openStream(url, { headers, body: call });
    first.destroy();
    await until(() => process.written.length === 3);
    const answer = post(url, call, headers).catch((error: unknown) => error);
    await until(() => process.written.length === 4, { what: 'the second call' });
    const second = process.written.at(-1) as string;
    const { id, params } = JSON.parse(second);
    expect(id).not.toBe(7);
    const quoted = JSON.stringify(id);
    const token = JSON.stringify(params._meta.progressToken);
    expect(second).toBe(
      `{"jsonrpc":"2.0","id":${quoted},"method":"tools/call","params":{"odd":${ODD},"_meta":{"progressToken":${token}}}}`,
    );
    process.say(`{"jsonrpc":"2.0","result":${ODD},"id":${quoted}}`);
    expect(dataOf(((await answer) as { text: string }).text)).toBe(`{"jsonrpc":"2.0","result":${ODD},"id":7}`);
  });
});

test('case 19: a body with line breaks is one line', async () => {
  const { url, headers, process } = await given();
  const answer = post(
    url,
    '{\n  "jsonrpc": "2.0",\r\n  "id": 1,\n  "method": "ping",\n  "params": {"n": 1.0}\n}\n',
    headers,
  );
  await until(() => process.written.at(-1)?.includes('ping'));
  expect(process.written.at(-1)).toBe(
    '{   "jsonrpc": "2.0",    "id": 1,   "method": "ping",   "params": {"n": 1.0} } ',
  );
  process.say('{"jsonrpc":"2.0","id":1,\r"result":{"n":1.0}}');
  expect(dataOf((await answer).text)).toBe('{"jsonrpc":"2.0","id":1, "result":{"n":1.0}}');
});

test('case 16: JSON that is no message is noise; where it would be an answer, its call gets an error', async () => {
  const { url, headers, process, log } = await given();
  const answer = post(url, { jsonrpc: '2.0', id: 1, method: 'ping' }, headers);
  await until(() => process.written.at(-1)?.includes('ping'));
  for (const line of ['17', '[1]', 'null', '{}', '"text"', '[]', '{"id":9,"result":{}}']) process.say(line);
  process.say('{"jsonrpc":"2.0","id":1,"result":5}');
  expect((await answer).messages()).toEqual([
    { jsonrpc: '2.0', id: 1, error: { code: -32000, message: 'The server answered with what is no response' } },
  ]);
  expect(log.filter(({ event }) => event === 'child.noise')).toHaveLength(8);
});

test('an answer that is no JSON is one as well, and a request that is none is answered', async () => {
  const { url, headers, process } = await given();
  const answer = post(url, { jsonrpc: '2.0', id: 1, method: 'ping' }, headers);
  await until(() => process.written.at(-1)?.includes('ping'));
  process.say('{"jsonrpc":"2.0","id":"mine","method":"roots/list","params":[]}');
  expect(JSON.parse(process.written.at(-1) ?? '')).toMatchObject({ id: 'mine', error: { code: -32600 } });
  process.say('{"jsonrpc": "2.0", "id": 1, "result": {"load": NaN}}');
  expect((await answer).messages()).toMatchObject([{ id: 1, error: { code: -32000 } }]);
});

test('a server that is closed ends its session, and what it had not answered', async () => {
  const { url, headers, process, supervisor } = await given();
  const answer = post(url, { jsonrpc: '2.0', id: 1, method: 'ping' }, headers);
  await until(() => process.written.at(-1)?.includes('ping'));
  const [session] = [...supervisor.sessions()];
  const reasons: unknown[] = [];
  supervisor.on('session.terminated', ({ reason }) => reasons.push(reason));
  void supervisor.server(session?.id ?? '')?.close();
  expect((await answer).messages()).toMatchObject([{ id: 1, error: { message: 'Session ended: closed' } }]);
  expect(reasons).toEqual(['closed']);
  expect((await post(url, { jsonrpc: '2.0', id: 2, method: 'ping' }, headers)).status).toBe(404);
});

test('case 17: what is glued before a message is cut off, and logged', async () => {
  const { url, headers, process, log } = await given();
  const answer = post(url, { jsonrpc: '2.0', id: 1, method: 'ping' }, headers);
  await until(() => process.written.at(-1)?.includes('ping'));
  process.say('Warning: old {option}');
  process.say(`Downloading… {"jsonrpc":"2.0","id":1,"result":${ODD}}`);
  expect(dataOf((await answer).text)).toBe(`{"jsonrpc":"2.0","id":1,"result":${ODD}}`);
  const noise = log.filter(({ event }) => event === 'child.noise').map(({ message }) => message);
  expect(noise).toEqual(['Warning: old {option}', 'Downloading… ']);
});

test('case 21: batches of 2025-03-26, both ways', async () => {
  const served = await serveProcesses();
  const { url, launcher } = served;
  const { headers } = await initialize(url, { protocolVersion: '2025-03-26' });
  const parts = [
    `{"jsonrpc":"2.0","id":1,"method":"ping","params":${ODD}}`,
    `{"jsonrpc":"2.0","method":"notifications/x","params":${ODD}}`,
    '{"jsonrpc":"2.0","id":"2","method":"ping"}',
  ];
  const answer = post(url, `[${parts.join(' , ')}]`, headers);
  await until(() => launcher.last.written.length === 5);
  expect(launcher.last.written.slice(2)).toEqual(parts);
  const answers = [`{"jsonrpc":"2.0","id":"2","result":${ODD}}`, '{"jsonrpc":"2.0","id":1,"result":{"n":1.0}}'];
  launcher.last.say(`[ ${answers.join(',')} ]`);
  expect((await answer).events().map(({ data }) => data)).toEqual(answers);
});
