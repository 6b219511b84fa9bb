/** Bytes on stdout and stdin, and the messages that they are. */
import type { Case } from '../caseKind.ts';
import { residentMemory } from '../processes.ts';
import type { Trial } from '../trial.ts';
import { type ClientSession, newId, outcome, type PostOptions } from '../wire.ts';

const MiB = 1024 * 1024;

/** What a child answers when it says this text, as bytes: `@ID@` stands for the id of the call. */
const reply = (text: string) => `{"jsonrpc":"2.0","id":@ID@,"result":{"content":[{"type":"text","text":"${text}"}]}}`;

/** Calls the tool that writes these bytes to stdout. */
function raw(
  session: ClientSession,
  bytes: string | Buffer,
  more: { every?: number; gap?: number; exitCode?: number } = {},
  options: PostOptions = {},
) {
  return session.call('raw', { data: Buffer.from(bytes).toString('base64'), ...more }, options);
}

async function expectText(trial: Trial, session: ClientSession, what: string, bytes: string, text: string) {
  const answer = await raw(session, bytes, {}, { within: 5_000 });
  if (trial.expect(answer.said === text, `${what}: ${answer.said === undefined ? outcome(answer) : 'changed'}`)) return;
}

export const FRAMING: readonly Case[] = [
  {
    number: 11,
    part: 'Framing',
    says: 'Characters of 2, 3 and 4 bytes arrive whole, wherever the chunks of stdout are cut.',
    judge: async (trial) => {
      const { session } = await trial.session();
      const text = 'é€😀'.repeat(3);
      for (const every of [1, 2, 3]) {
        const answer = await raw(session, `${reply(text)}\n`, { every, gap: 2 });
        trial.expect(answer.said === text, `${every} bytes at a time: ${answer.said ?? outcome(answer)}`);
      }
      trial.saw.push('all arrive');
    },
  },
  {
    number: 12,
    part: 'Framing',
    says: 'CRLF, blank lines, a CR between tokens, U+2028 and U+0085 in a text: each message arrives as it is.',
    judge: async (trial) => {
      const { session } = await trial.session();
      await expectText(trial, session, 'CRLF', `${reply('a')}\r\n`, 'a');
      await expectText(trial, session, 'blank lines', `\n\r\n  \n${reply('b')}\n`, 'b');
      await expectText(trial, session, 'CR between tokens', `${reply('c').replace(',"result"', ',\r"result"')}\n`, 'c');
      await expectText(trial, session, 'U+2028 and U+0085', `${reply('d\u2028e\u0085f')}\n`, 'd\u2028e\u0085f');
      trial.saw.push('all arrive');
    },
  },
  {
    number: 13,
    part: 'Framing',
    says: 'Two hundred messages in one chunk, and one message in a thousand chunks, all arrive.',
    judge: async (trial) => {
      const { session } = await trial.session();
      const log = '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}\n';
      const listener = session.listen();
      await trial.until(() => false, 300);
      const many = await raw(session, `${log.repeat(200)}${reply('after')}\n`);
      const logs = () =>
        [...many.messages, ...listener.heard].filter(({ method }) => method === 'notifications/message').length;
      await trial.until(() => logs() >= 200, 3_000);
      listener.leave();
      trial.expect(many.said === 'after', outcome(many));
      trial.expect(logs() === 200, `${logs()} of 200 messages arrive`);
      const text = 'x'.repeat(4_000);
      const cut = await raw(session, `${reply(text)}\n`, { every: 4 }, { within: 20_000 });
      trial.expect(cut.said === text, `a thousand chunks: ${outcome(cut)}`);
      trial.saw.push('all arrive');
    },
  },
  {
    number: 14,
    part: 'Framing',
    says: 'An answer of 8 MiB arrives; a line without an end, 128 MiB of it, ends the session with a reason, in bounded memory.',
    judge: async (trial) => {
      const { running, session } = await trial.session();
      const big = await session.call('big', { bytes: 8 * MiB }, { within: 20_000 });
      trial.expect(big.said?.length === 8 * MiB, `8 MiB: ${outcome(big)}`);
      const before = residentMemory(running.pid);
      let most = before;
      let isCalling = true;
      const watch = trial.until(() => {
        most = Math.max(most, residentMemory(running.pid));
        return !isCalling;
      }, 30_000);
      const endless = await session.call('endless', { bytes: 128 * MiB }, { within: 8_000 });
      isCalling = false;
      await watch;
      const grown = Math.round((most - before) / MiB);
      trial.expect(grown < 64, `${grown} MiB more are resident`);
      trial.expect(endless.end === 'whole' && endless.reply?.error !== undefined, `the call: ${outcome(endless)}`);
      trial.saw.push(`the call: ${outcome(endless)}; ${Math.max(grown, 0)} MiB more are resident`);
    },
  },
  {
    number: 15,
    part: 'Framing',
    says: 'A last line without a line break, before an exit: its answer arrives, or an error says why not.',
    judge: async (trial) => {
      const { session } = await trial.session();
      const answer = await raw(session, reply('unfinished'), { exitCode: 0 }, { within: 5_000 });
      trial.expect(answer.end === 'whole' && answer.reply !== undefined, outcome(answer));
      trial.saw.push(answer.said === undefined ? outcome(answer) : 'the answer arrives');
    },
  },
  {
    number: 16,
    part: 'Framing',
    says: 'JSON that is no message (a number, an array, null, {}) is skipped, and the session works on.',
    judge: async (trial) => {
      const { session } = await trial.session();
      await expectText(trial, session, 'skipped', `7\n[]\n[1]\nnull\n{}\n"x"\n${reply('after')}\n`, 'after');
      trial.expect(await session.lives(), 'the next call is not answered');
      trial.saw.push('skipped');
    },
  },
  {
    number: 17,
    part: 'Framing',
    says: 'A message with a warning glued before it is found.',
    judge: async (trial) => {
      const { session } = await trial.session();
      await expectText(trial, session, 'the answer', `Warning: no cache${reply('glued')}\n`, 'glued');
      trial.saw.push('found');
    },
  },
  {
    number: 18,
    part: 'Framing',
    says: 'Bytes that are no UTF-8 spoil their character, not their message or their session.',
    judge: async (trial) => {
      const { session } = await trial.session();
      const [before = '', after = ''] = reply('a@BAD@b').split('@BAD@');
      const bytes = Buffer.concat([Buffer.from(before), Buffer.from([0xff, 0xfe]), Buffer.from(`${after}\n`)]);
      const answer = await raw(session, bytes, {}, { within: 5_000 });
      trial.expect(/^a.*b$/u.test(answer.said ?? ''), `the answer: ${answer.said ?? outcome(answer)}`);
      trial.expect(await session.lives(), 'the next call is not answered');
      trial.saw.push('the rest of the message arrives');
    },
  },
  {
    number: 19,
    part: 'Framing',
    says: 'A body with line breaks reaches the child as one line.',
    judge: async (trial) => {
      const { session } = await trial.session();
      const id = newId();
      const params = { name: 'echo', arguments: { text: 'pretty-printed' } };
      const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params }, null, 2);
      const answer = await session.post(body.replaceAll('\n', '\r\n'), { within: 5_000 });
      trial.expect(answer.text.includes('pretty-printed'), outcome(answer));
      const lines = trial.linesWith('pretty-printed');
      trial.expect(lines.length === 1 && !/[\r\n]/.test(lines[0] ?? ''), `${lines.length} lines`);
      trial.saw.push('one line');
    },
  },
  {
    number: 20,
    part: 'Framing',
    says: 'Big numbers, 1.0, -0, 1e2, duplicate keys and \\/ in parameters and results pass byte for byte, both ways.',
    judge: async (trial) => {
      const { session } = await trial.session();
      const odd = '{"big":12345678901234567890,"one":1.0,"minus":-0,"e":1e2,"twice":1,"twice":2,"slash":"\\/"}';
      const params = `{"name":"echo","arguments":{"text":"odd","odd":${odd}}}`;
      await session.post(`{"jsonrpc":"2.0","id":${newId()},"method":"tools/call","params":${params}}`);
      const line = trial.linesWith('"odd"')[0];
      trial.expect(line?.includes(odd) === true, `to the child: ${changed(line)}`);
      const text = '{"type":"text","text":"x"}';
      const answer = await raw(
        session,
        `{"jsonrpc":"2.0","id":@ID@,"result":{"content":[${text}],"_meta":{"odd":${odd}}}}\n`,
      );
      trial.expect(answer.text.includes(odd), `to the client: ${changed(answer.text)}`);
      trial.saw.push('unchanged');
    },
  },
  {
    number: 21,
    part: 'Framing',
    says: 'A batch of 2025-03-26 passes both ways: each call in it is answered.',
    judge: async (trial) => {
      const version = '2025-03-26';
      const running = await trial.serve();
      const session = await running.open({ version });
      const ids = [newId(), newId()];
      const call = (id: number) => ({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: 'pid', arguments: {} },
      });
      const batch = await session.post(ids.map(call), { version, within: 5_000 });
      const answered = ids.every((id) => batch.messages.some((message) => message.id === id && message.result));
      trial.expect(answered, `the client's batch: ${outcome(batch)}`);
      trial.saw.push('answered');
      // Between the one process and its gateway another version was agreed on, which has no batches.
      if (!trial.gateway.perSession) return;
      const back = await raw(
        session,
        `[${reply('batched')},{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}]\n`,
        {},
        { version, within: 5_000 },
      );
      trial.expect(back.said === 'batched', `the child's batch: ${outcome(back)}`);
    },
  },
];

/** What became of the odd object. */
function changed(text: string | undefined): string {
  const at = text?.indexOf('{"big"') ?? -1;
  return text === undefined || at === -1 ? 'it does not arrive' : `\`${text.slice(at, at + 95)}\``;
}
