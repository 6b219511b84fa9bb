/** What a case is. */
import type { Trial } from './trial.ts';

export type Part =
  | 'Start'
  | 'Framing'
  | 'Ids'
  | 'Flow'
  | 'End'
  | 'After SIGKILL'
  | 'Restart'
  | 'Warm'
  | 'Environment'
  | 'Many';

export interface Case {
  readonly number: number;
  readonly part: Part;
  /** What should be, in a sentence. */
  readonly says: string;
  /** Finds out, or why nobody can from outside. */
  readonly judge: ((trial: Trial) => Promise<void>) | string;
}
