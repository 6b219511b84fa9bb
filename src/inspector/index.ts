/** Entry point `mcp-session-supervisor/inspector`: the sessions live, on a page of our own and in Stately's inspector. */
export type { InspectedSession } from './inspectedActor.ts';
export { createInspection, type Inspection, type InspectionOptions } from './inspection.ts';
export type { InspectorOptions } from './inspectorOptions.ts';
export { type Inspector, serveInspector } from './serveInspector.ts';
