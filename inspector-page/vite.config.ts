/** Builds the inspector's page into the package. The statechart is laid out here, so that the page only has to show it. */
import { defineConfig } from 'vite';
import { drawStatechart } from './drawStatechart.ts';

const DRAWING = 'virtual:drawings';

const drawings = { plain: drawStatechart({ records: false }), withRecords: drawStatechart({ records: true }) };

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  // The server sends what it finds; no file of the page is worth a request of its own.
  build: {
    outDir: '../dist/inspector/page',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    modulePreload: { polyfill: false },
    // What is bundled is published with us, and its licenses go with it.
    license: { fileName: 'licenses.md' },
  },
  plugins: [
    {
      name: 'statechart-drawing',
      resolveId: (id) => (id === DRAWING ? `\0${DRAWING}` : undefined),
      load: (id) => (id === `\0${DRAWING}` ? `export const drawings = ${JSON.stringify(drawings)};` : undefined),
    },
  ],
});
