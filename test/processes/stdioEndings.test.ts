/** How processes end that others have started for us, and that live on when these die. */
import { describe } from 'vitest';
import { endings } from '../stdio/endings.ts';
import { behindShell } from '../stdio/launched.ts';

describe('the end of a process behind sh -c', () => {
  endings(behindShell);
});

describe('the end of a process behind npx', () => {
  endings((command) => ['npx', '--offline', '--call', command.map((word) => `'${word}'`).join(' ')]);
});
