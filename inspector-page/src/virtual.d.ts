/** What vite.config.ts makes. */
declare module 'virtual:drawings' {
  type Drawing = import('./drawing.ts').Drawing;
  /** The statechart where sessions have no records, and where a session store keeps some. */
  export const drawings: { readonly plain: Drawing; readonly withRecords: Drawing };
}
