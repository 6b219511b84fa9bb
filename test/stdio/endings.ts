/** How processes end, whatever they ignore and whoever stands between us and them: cases for any way of starting them. */
import { setTimeout as passing } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { child, launcherOf } from './launched.ts';

type Command = [string, ...string[]];

/** `wrapped` starts a command in another way. */
export function endings(wrapped: (command: Command) => Command): void {
  /** Started, and has said that it is ready. */
  const ready = async (name: string) => {
    const launched = await launcherOf().launch(wrapped(child(name)));
    await launched.record.heardLine('ready');
    return launched;
  };

  test('that ends by EOF needs no signal', async () => {
    const { running, record } = await launcherOf().launch(wrapped(child('echo.js')));
    running.closeStdin();
    await record.heard('emptied');
    expect(record.of('exited')).toEqual([{ code: 0, signal: null }]);
  });

  test('that is busy writing ends by EOF as well, since it is read', async () => {
    const { running, record } = await ready('talksFirst.js');
    running.closeStdin();
    await record.heard('emptied');
    expect(record.lines).toHaveLength(31);
    expect(record.of('exited')).toEqual([{ code: 0, signal: null }]);
  });

  test('that ignores EOF ends by SIGTERM', async () => {
    const { running, record } = await ready('ignoresEof.js');
    running.closeStdin();
    await passing(50); // nothing happens, which can only be seen by waiting
    expect(record.names).toEqual(['line']);
    running.signalGroup('SIGTERM');
    await record.heard('emptied');
    expect(record.of('exited')).toEqual([{ code: null, signal: 'SIGTERM' }]);
  });

  test('that ignores SIGTERM ends by EOF', async () => {
    const { running, record } = await ready('ignoresTerm.js');
    running.signalGroup('SIGTERM');
    // It hears it, whoever stands in between.
    await until(() => record.lines.includes('heard SIGTERM') || record.names.includes('exited'), { within: 10_000 });
    running.closeStdin();
    await record.heard('emptied');
  });

  test('that ignores both ends by SIGKILL', async () => {
    const { running, record } = await ready('stubborn.js');
    running.closeStdin();
    running.signalGroup('SIGTERM');
    await until(() => record.lines.includes('heard SIGTERM') || record.names.includes('exited'), { within: 10_000 });
    expect(record.names).not.toContain('emptied');
    running.signalGroup('SIGKILL');
    await record.heard('emptied');
    expect(record.of('exited')).toHaveLength(1);
  });

  test('that is stopped hears SIGTERM, because it is continued', async () => {
    const { running, record } = await ready('stopped.sh');
    running.closeStdin();
    running.signalGroup('SIGTERM');
    await record.heard('emptied');
  });
}
