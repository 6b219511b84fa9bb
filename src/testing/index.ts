/** Entry point `mcp-session-supervisor/testing`: the statechart as a test kit, and the contracts of stores. */

export { ClusterFailure, type ClusterSimulationOptions, simulateCluster } from './cluster/simulateCluster.ts';
export { directoryConformance, type OpenedDirectory } from './conformance/directoryConformance.ts';
export { type OpenedSessionStore, sessionStoreConformance } from './conformance/sessionStoreConformance.ts';
export type { StoreTime } from './conformance/sessionSubject.ts';
export { type OpenedStore, type StoreCase, storeConformance } from './conformance/storeConformance.ts';
export { DiscoveryError, type DiscoveryErrorCode, type Feature, type Finding } from './discovery/discovery.ts';
export {
  type ModelTestOptions,
  type ModelTestReport,
  modelTest,
  type ReportedViolation,
  type TransitionVerdict,
} from './discovery/modelTest.ts';
export {
  type RestartReport,
  type RestartRow,
  type RestartTestOptions,
  restartTest,
  type StartedServer,
} from './discovery/restartTest.ts';
export { HandleFailure, type HandleSimulationOptions, simulateHandles } from './handles/simulateHandles.ts';
export type { Admission, AdmissionRule, Caps, Standing } from './paths/admission.ts';
export type { Driver, LongCall, SupervisorDriver } from './paths/driver.ts';
export {
  type HttpDriverOptions,
  httpDriver,
  type InProcessDriverOptions,
  inProcessDriver,
  type SteppedClock,
} from './paths/drivers.ts';
export {
  createGatedServer,
  type GatedServer,
  type GatedServerOptions,
  type GatedSession,
} from './paths/gatedServer.ts';
export { RULES, type Rule, type RuleName } from './paths/rules.ts';
export {
  type FoundViolation,
  type PathResult,
  type RunPathsOptions,
  type RunResult,
  runPaths,
} from './paths/runPaths.ts';
export {
  type FoundSupervisorViolation,
  type RunSupervisorPathsOptions,
  runSupervisorPaths,
  type SupervisorPathResult,
  type SupervisorRunResult,
} from './paths/runSupervisorPaths.ts';
export type { Expectation, ModelEvent } from './paths/sessionModel.ts';
export {
  type Coverage,
  describePath,
  type PathStep,
  type SessionPath,
  type SessionPathsOptions,
  sessionPaths,
} from './paths/sessionPaths.ts';
export type {
  ExpectedSession,
  HoldKind,
  SupervisorExpectation,
  SupervisorModelEvent,
  SupervisorModelOptions,
} from './paths/supervisorModel.ts';
export {
  type SupervisorPath,
  type SupervisorPathsOptions,
  type SupervisorStep,
  supervisorPaths,
} from './paths/supervisorPaths.ts';
export { SUPERVISOR_RULES, type SupervisorRuleName } from './paths/supervisorRules.ts';
export { RestartFailure, type RestartSimulationOptions, simulateRestarts } from './restarts/simulateRestarts.ts';
export { INVARIANTS, type Invariant } from './simulation/invariants.ts';
export {
  runScript,
  type SimulateOptions,
  SimulationFailure,
  type SimulationResult,
  type SimulationScript,
  simulate,
} from './simulation/simulation.ts';
export { type PendingTimer, SimulationClock } from './simulation/simulationClock.ts';
export { type SimulationPropertyOptions, shrinkScript, simulationProperty } from './simulation/simulationProperty.ts';
export type { SimulationOptions } from './simulation/simulationWorld.ts';
