/** Why a process does not serve its session any more, in words: for its client, whose calls end with it, and for the log. */
import { SupervisorError } from '../errors.ts';
import type { ProcessExit } from './process.ts';

/** How it ended, as the end of a sentence. */
export function exitInWords({ code, signal }: ProcessExit): string {
  return signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
}

/**
 * The error of a session that lost its process. Its message is for the client, who is told what the process said last only
 * where that is wanted: it may hold secrets, and paths.
 */
export function serverEnded(what: string, lastWords: string | undefined): SupervisorError {
  const words = lastWords === undefined || lastWords === '' ? '' : `; its last words: ${lastWords}`;
  return new SupervisorError('SERVER_ENDED', `the server's process ${what}${words}`);
}
