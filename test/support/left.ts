/** What a process holds, for tests of what is left behind. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { turns } from './until.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** The heap in bytes, without what is garbage. */
export async function heap(): Promise<number> {
  await turns(5);
  for (let n = 0; n < 3; n++) collect();
  return process.memoryUsage().heapUsed;
}

/** Timers and sockets of this process. */
export function resources(): { readonly timers: number; readonly sockets: number } {
  const active = process.getActiveResourcesInfo();
  const count = (kind: string) => active.filter((name) => name === kind).length;
  return { timers: count('Timeout') + count('Immediate'), sockets: count('TCPSocketWrap') };
}
