/** Entry point `mcp-session-supervisor/testing`: the statechart as a test kit, and the contract of event stores. */
export type { Driver, LongCall } from './driver.ts';
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
export { RULES, type Rule, type RuleName } from './rules.ts';
export { type FoundViolation, type PathResult, type RunPathsOptions, type RunResult, runPaths } from './runPaths.ts';
export type { Expectation, ModelEvent } from './sessionModel.ts';
export {
  type Coverage,
  describePath,
  type PathStep,
  type SessionPath,
  type SessionPathsOptions,
  sessionPaths,
} from './sessionPaths.ts';
export { type OpenedStore, type StoreCase, storeConformance } from './storeConformance.ts';
