/** What a server leaves behind on purpose: it stays only where it has neither its group nor its marker. */
import { expect, onTestFinished, test } from 'vitest';
import { child, freshMarker, gone, launcherOf, lives } from './launched.ts';

test.each(['startsDaemon.sh', 'startsDaemon.js'])(
  'a daemon in a session of its own, without the marker, is kept; one with it is not: %s',
  async (name) => {
    const marker = freshMarker();
    const { launcher, launch, log } = launcherOf({ marker });
    const { running, record } = await launch(child(name), { env: { MARKER: marker } });
    const pidIn = async (what: string) => Number((await record.heardLine(what)).split(' ')[1]);
    const daemon = await pidIn('daemon');
    onTestFinished(() => {
      if (lives(daemon)) process.kill(daemon, 'SIGKILL');
    });
    const forgotten = await pidIn('forgotten');
    running.closeStdin();
    await record.heard('emptied');
    await gone(forgotten);
    expect(log).toEqual([expect.objectContaining({ event: 'escapees.found', pids: [forgotten] })]);
    await launcher.close();
    expect(lives(daemon)).toBe(true);
  },
);
