/** Servers that agree to whatever version they are asked for are not asked for one without sessions. */
import { expect, test } from 'vitest';
import { serve } from '../support/serve.ts';
import { TinyServer } from '../support/tinyServer.ts';
import { initialize } from '../support/wire.ts';

test.each(['refuse', 'serve', 'off'] as const)('where modern is %s', async (modern) => {
  const asked: unknown[] = [];
  class Echoing extends TinyServer {
    override async connect(transport: Parameters<TinyServer['connect']>[0]): Promise<void> {
      await super.connect(transport);
      const { onmessage } = transport;
      transport.onmessage = (message, extra) => {
        const { method, params, id } = message as {
          method?: string;
          id?: number;
          params?: { protocolVersion?: string };
        };
        if (method !== 'initialize' || id === undefined) return onmessage?.(message, extra);
        const protocolVersion = params?.protocolVersion ?? '';
        asked.push(protocolVersion);
        const result = { protocolVersion, capabilities: {}, serverInfo: { name: 'echo', version: '1' } };
        void transport.send({ jsonrpc: '2.0', id, result });
      };
    }
  }
  const { url } = await serve({ modern, server: () => new Echoing() });
  for (const protocolVersion of ['2026-07-28', '2099-01-01', '2025-06-18']) await initialize(url, { protocolVersion });
  expect(asked).toEqual(['2025-11-25', '2025-11-25', '2025-06-18']);
});
