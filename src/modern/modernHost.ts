/** What serving requests without sessions needs of the supervisor. */
import type { LogEntry, ResolvedOptions } from '../options.ts';
import type { SupervisorActor } from '../supervisor/sessionTree.ts';
import type { Load } from '../transport/transportOptions.ts';

export interface ModernHost {
  readonly options: ResolvedOptions;
  readonly load: Load;
  /** The root of the actors. */
  readonly actor: SupervisorActor;
  readonly accepting: boolean;
  log(entry: LogEntry): void;
}
