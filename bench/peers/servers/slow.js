/** The one tool that every peer has: it lasts as long as it is asked to. */
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';

export const INFO = { name: 'slow', version: '1.0.0' };
export const SLOW = { description: 'Answers after so many milliseconds.', inputSchema: { ms: z.number() } };

export async function slow({ ms }) {
  await setTimeout(ms);
  return { content: [{ type: 'text', text: `after ${ms} ms` }] };
}
