import { fileURLToPath } from 'node:url';

/** The folder above all that the route imports. Here other hosts share it; in an application of its own nothing has to be said. */
const root = fileURLToPath(new URL('..', import.meta.url));

export default { distDir: '.artifacts', turbopack: { root }, outputFileTracingRoot: root };
