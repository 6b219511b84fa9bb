/** Somebody who looks at the sessions of a server, in a process of its own: connects to the feed and reads all of it. */
import { WebSocket } from 'ws';
import { answerParent } from './child.ts';

let socket: WebSocket | undefined;

answerParent({
  /** Resolves when every session has been told. */
  watch: ({ url, sessions }: { url: string; sessions: number }) =>
    new Promise<void>((resolve, reject) => {
      const feed = new URL(`/feed${new URL(url).search}`, url);
      feed.protocol = 'ws:';
      socket = new WebSocket(feed);
      const told = new Set<string>();
      socket.on('error', reject);
      socket.on('close', (code) => reject(new Error(`the feed was closed with ${code}`)));
      socket.on('message', (data) => {
        const frame = JSON.parse(String(data)) as { type: string; rows?: { key: string }[]; last?: boolean };
        for (const { key } of frame.rows ?? []) told.add(key);
        if (frame.type !== 'snapshot' || frame.last !== true) return;
        if (told.size === sessions) resolve();
        else reject(new Error(`the feed told ${told.size} sessions of ${sessions}`));
      });
    }),
  /** Goes on looking, but reads nothing any more. */
  freeze: () => socket?.pause(),
  /** Looks no more. */
  leave: () => socket?.terminate(),
});
