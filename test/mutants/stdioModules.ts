/** What of a build is attacked below its entry point `stdio`. */
import type { LogEntry, ServerFactory } from 'mcp-session-supervisor';
import type { StdioServerOptions } from 'mcp-session-supervisor/stdio';

export interface StdioModules {
  factoryOf(
    options: unknown,
    world: { readonly launcher: () => unknown },
  ): ServerFactory & { close(): Promise<void>; readonly needsSession: true };
  resolveStdioOptions(options: StdioServerOptions): unknown;
  createProcessLauncher(options: { readonly marker: string; readonly log: (entry: LogEntry) => void }): unknown;
  readonly ProcessGroup: new (leader: number, startTime?: string) => { signal(name: NodeJS.Signals): boolean };
}
