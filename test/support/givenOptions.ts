/** Options that may be anything, resolved: the result, or how they were refused. */
import { SupervisorError } from '../../src/errors.ts';
import { type ResolvedOptions, resolveOptions, type SessionSupervisorOptions } from '../../src/options.ts';

export const server = () => ({ connect: async () => {}, close: async () => {} });

/** Resolves options of which some may be anything. */
export function resolve(options: object): ResolvedOptions {
  return resolveOptions({ server, ...options } as SessionSupervisorOptions);
}

export function refusal(options: object): { code: string; message: string } {
  try {
    resolve(options);
  } catch (error) {
    if (error instanceof SupervisorError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('It was accepted');
}
