/** All attacks, in the order in which they are tried on a mutant of which nothing is known yet: by what they cost. */
import { type Attack, PATH_ATTACKS } from './attacks.ts';
import { CLUSTER_ATTACKS } from './clusterAttacks.ts';
import { DURABLE_ATTACKS } from './durableAttacks.ts';
import { EDGE_ATTACKS } from './edgeAttacks.ts';
import { FAULT_ATTACKS } from './faultAttacks.ts';
import { HANDLE_ATTACKS } from './handleAttacks.ts';
import { LINK_ATTACKS } from './linkAttacks.ts';
import { MODERN_ATTACKS } from './modernAttacks.ts';
import { RESTART_ATTACKS, WRITE_ATTACK } from './restartAttacks.ts';
import { SCRIPT_ATTACKS, SIMULATION_ATTACKS } from './simulationAttacks.ts';
import { STDIO_ATTACKS } from './stdioAttacks.ts';
import { SUPERVISOR_ATTACKS } from './supervisorAttacks.ts';

/** Seeds that are tried before what takes longer: most of what a simulation finds, it finds soon. */
const FEW = 20;

export const ATTACKS: readonly Attack[] = [
  ...FAULT_ATTACKS,
  ...HANDLE_ATTACKS,
  WRITE_ATTACK,
  ...DURABLE_ATTACKS,
  ...EDGE_ATTACKS,
  ...MODERN_ATTACKS,
  ...LINK_ATTACKS,
  ...SCRIPT_ATTACKS,
  ...RESTART_ATTACKS.slice(0, FEW),
  ...SIMULATION_ATTACKS.slice(0, FEW),
  ...PATH_ATTACKS,
  ...RESTART_ATTACKS.slice(FEW),
  ...SIMULATION_ATTACKS.slice(FEW),
  ...SUPERVISOR_ATTACKS,
  ...CLUSTER_ATTACKS,
  ...STDIO_ATTACKS,
];

if (new Set(ATTACKS.map(({ name }) => name)).size < ATTACKS.length) throw new Error('Two attacks have one name');
