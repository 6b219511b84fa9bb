/** Whether what was passed is a supervisor. */
import { type SessionSupervisor, SupervisorError } from '../index.ts';

/** @throws {SupervisorError} `NOT_A_SUPERVISOR` */
export function checkSupervisor(supervisor: SessionSupervisor): void {
  if (typeof supervisor?.stats === 'function' && typeof supervisor.on === 'function') return;
  throw new SupervisorError('NOT_A_SUPERVISOR', 'Expected a supervisor made by createSessionSupervisor');
}
