/**
 * The end of a process and of those below it on Windows, which knows neither signals nor groups: `taskkill` follows who
 * started whom, as long as nobody in between is gone. Not tested by us.
 */
import { spawn } from 'node:child_process';

/** Ends it at once, whatever the signal was to be. Who wants it gone gives it time after the end of its stdin. */
export function killTree(pid: number): void {
  const killer = spawn('taskkill', ['/pid', String(pid), '/T', '/F'], { stdio: 'ignore', windowsHide: true });
  killer.on('error', () => {}).unref();
}
