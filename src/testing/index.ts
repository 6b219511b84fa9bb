/** Entry point `mcp-session-supervisor/testing`: the statechart as a test kit, and the contract of event stores. */

export type { Admission, AdmissionRule, Caps, Standing } from './admission.ts';
export { DiscoveryError, type DiscoveryErrorCode, type Feature, type Finding } from './discovery.ts';
export type { Driver, LongCall, SupervisorDriver } from './driver.ts';
export {
  type HttpDriverOptions,
  httpDriver,
  type InProcessDriverOptions,
  inProcessDriver,
  type SteppedClock,
} from './drivers.ts';
export {
  createGatedServer,
  type GatedServer,
  type GatedServerOptions,
  type GatedSession,
} from './gatedServer.ts';
export { INVARIANTS, type Invariant } from './invariants.ts';
export {
  type ModelTestOptions,
  type ModelTestReport,
  modelTest,
  type ReportedViolation,
  type TransitionVerdict,
} from './modelTest.ts';
export { RULES, type Rule, type RuleName } from './rules.ts';
export { type FoundViolation, type PathResult, type RunPathsOptions, type RunResult, runPaths } from './runPaths.ts';
export {
  type FoundSupervisorViolation,
  type RunSupervisorPathsOptions,
  runSupervisorPaths,
  type SupervisorPathResult,
  type SupervisorRunResult,
} from './runSupervisorPaths.ts';
export type { Expectation, ModelEvent } from './sessionModel.ts';
export {
  type Coverage,
  describePath,
  type PathStep,
  type SessionPath,
  type SessionPathsOptions,
  sessionPaths,
} from './sessionPaths.ts';
export {
  runScript,
  type SimulateOptions,
  SimulationFailure,
  type SimulationResult,
  type SimulationScript,
  simulate,
} from './simulation.ts';
export { type PendingTimer, SimulationClock } from './simulationClock.ts';
export { type SimulationPropertyOptions, shrinkScript, simulationProperty } from './simulationProperty.ts';
export type { SimulationOptions } from './simulationWorld.ts';
export { type OpenedStore, type StoreCase, storeConformance } from './storeConformance.ts';
export type {
  ExpectedSession,
  HoldKind,
  SupervisorExpectation,
  SupervisorModelEvent,
  SupervisorModelOptions,
} from './supervisorModel.ts';
export {
  type SupervisorPath,
  type SupervisorPathsOptions,
  type SupervisorStep,
  supervisorPaths,
} from './supervisorPaths.ts';
export { SUPERVISOR_RULES, type SupervisorRuleName } from './supervisorRules.ts';
