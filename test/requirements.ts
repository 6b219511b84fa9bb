/**
 * What MCP 2025-11-25 asks for on its pages about transports, the lifecycle and the security of sessions, line by line,
 * and the tests that show it. A line whose test is missing, did not run or did not pass fails the run of all tests (see
 * requirements/reporter.ts). Every MUST and SHOULD is here; a MAY is where we rely on it.
 */
import { LIFECYCLE } from './requirements/lifecycle.ts';
import { MESSAGES } from './requirements/messages.ts';
import type { Requirement } from './requirements/requirement.ts';
import { SECURITY } from './requirements/security.ts';
import { STREAMS } from './requirements/streams.ts';

export const REQUIREMENTS: readonly Requirement[] = [...MESSAGES, ...STREAMS, ...LIFECYCLE, ...SECURITY];
