/** How processes end that are started by themselves; behind shells and npx in test/processes. */
import { describe } from 'vitest';
import { endings } from './endings.ts';

describe('the end of a process', () => {
  endings((command) => command);
});
