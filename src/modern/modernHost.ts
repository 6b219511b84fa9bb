/** What serving requests without sessions needs of the supervisor. */
import type { LogEntry, ResolvedOptions } from '../options.ts';
import type { Observers } from '../supervisor/observers.ts';
import type { SupervisorActor } from '../supervisor/sessionTree.ts';
import type { Load } from '../transport/transportOptions.ts';

export interface ModernHost {
  readonly options: ResolvedOptions;
  readonly load: Load;
  /** The root of the actors. */
  readonly actor: SupervisorActor;
  readonly accepting: boolean;
  readonly observers: Observers;
  log(entry: LogEntry): void;
}
