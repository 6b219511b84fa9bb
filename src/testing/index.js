export { httpDriver, inProcessDriver } from './drivers.ts';
export { createGatedServer } from './gatedServer.ts';
export { RULES } from './rules.ts';
export { runPaths } from './runPaths.ts';
export { describePath, sessionPaths } from './sessionPaths.ts';
