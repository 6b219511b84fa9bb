/** What is left in Redis, as a checker wants to know it. */
import { createClient } from 'redis';
import { LINES } from '../../src/redis/sessionScripts.ts';
import type { StoredKey } from '../cluster/history/history.ts';

const SESSION_KEY = /^mcp:\{(.*)\}:session$/;
const PARTS = /^mcp:\{(.*)\}:(?:session|events)$/;

export async function storedKeys(url: string): Promise<{ keys: StoredKey[]; lives: string[] }> {
  const client = createClient({ url });
  client.on('error', () => {});
  await client.connect();
  try {
    const keys: StoredKey[] = [];
    for (const key of await client.keys('*')) {
      const ttl = await client.pTTL(key);
      const text = SESSION_KEY.test(key) ? ((await client.hGet(key, 'v')) ?? '') : '-';
      const line = (name: (typeof LINES)[number]) => text.split('\n')[LINES.indexOf(name)] ?? '';
      keys.push({
        key,
        session: sessionOf(key),
        isTombstone: text.startsWith('-'),
        ttl: ttl < 0 ? undefined : ttl,
        owner: line('owner') || undefined,
        hasDeadline: line('idleDeadline') !== '' && line('idleDeadline') !== 'null',
      });
    }
    const held = await client.hVals('mcp:{nodes}:lives');
    return { keys, lives: held.map((life) => life.split('\n')[2] ?? '') };
  } finally {
    client.destroy();
  }
}

/** Keys have the session's id as streams have it in their names. */
function sessionOf(key: string): string | undefined {
  const tag = PARTS.exec(key)?.[1];
  return tag === undefined ? undefined : decodeURIComponent(tag);
}
