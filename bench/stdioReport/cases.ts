/** A case of the report, and all of them. */

import type { Case } from './caseKind.ts';
import { END } from './cases/end.ts';
import { FLOW } from './cases/flow.ts';
import { FRAMING } from './cases/framing.ts';
import { IDS } from './cases/ids.ts';
import { KILLED } from './cases/killed.ts';
import { LIMITS } from './cases/limits.ts';
import { RESTART } from './cases/restart.ts';
import { START } from './cases/start.ts';

export const CASES: readonly Case[] = [START, FRAMING, IDS, FLOW, END, KILLED, RESTART, LIMITS].flat();
