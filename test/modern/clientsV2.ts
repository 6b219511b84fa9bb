/** The client of SDK v2, which speaks both eras as it is told to; closed when the test ends. */
import {
  Client,
  type ConnectOptions,
  StreamableHTTPClientTransport,
  type VersionNegotiationOptions,
} from '@modelcontextprotocol/client';
import { onTestFinished } from 'vitest';
import { withTimeout } from '../support/until.ts';

export type Mode = NonNullable<VersionNegotiationOptions['mode']>;

/** Connects in a mode, or by what an earlier connection has found out (`prior`). */
export async function connectV2(url: string, mode: Mode, prior?: ConnectOptions['prior']) {
  const client = new Client({ name: 'v2', version: '2.0.0' }, { versionNegotiation: { mode } });
  const transport = new StreamableHTTPClientTransport(new URL(url));
  onTestFinished(() => client.close());
  const connecting = client.connect(transport, prior === undefined ? {} : { prior });
  await withTimeout(connecting, { what: `the v2 client to connect (${JSON.stringify(mode)})` });
  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const { content } = await client.callTool({ name, arguments: args });
    return content?.[0]?.type === 'text' ? content[0].text : undefined;
  };
  const echo = (text: string) => call('echo', { text });
  return { client, transport, call, echo, version: client.getNegotiatedProtocolVersion() };
}
