/** What vite.config.ts makes. */
declare module 'virtual:drawing' {
  export const drawing: import('./drawing.ts').Drawing;
}
