/** Where the command's servers come from: a loaded module, and whatever else comes to build one for a session. */
import type { ServerFactory } from '../index.ts';

export interface ServerSource {
  /** As the command line names it. */
  readonly label: string;
  readonly factory: ServerFactory;
}
