/** Where the command's servers come from: a loaded module, and whatever else comes to build one for a session. */
import type { ServerFactory } from '../index.ts';

export interface ServerSource {
  /** As the command line names it. */
  readonly label: string;
  readonly factory: ServerFactory;
  /** What is tried before the command listens, where that is another one. It is closed then. */
  readonly trial?: ServerFactory & { close(): Promise<void> };
  /** Where each server is a process: how many there may be unless a flag says otherwise, and how many are kept ready. */
  readonly processes?: { readonly maxSessions: number; readonly warm: number };
}
