/** An answer as it was on the wire: for tests that two of them are the same. */
import { rawSocket } from './rawSocket.ts';
import { withTimeout } from './until.ts';
import { callBody } from './wire.ts';

/** Every byte of the answer but the date. A POST calls `echo`. */
export async function rawAnswer(port: number, method: string, headers: Record<string, string>): Promise<string> {
  const body = method === 'POST' ? JSON.stringify(callBody('echo', { text: 'hi' })) : '';
  const raw = await rawSocket(port);
  const length: Record<string, string> = body === '' ? {} : { 'content-length': String(body.length) };
  raw.begin(method, { connection: 'close', ...length, ...headers });
  raw.write(body);
  await withTimeout(raw.closed, { what: `the whole answer to a ${method}` });
  return raw.received.replace(/^date:.*\r\n/im, '');
}
