// @ts-check
// Where the site's parts are.
import { fileURLToPath } from 'node:url';

const at = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

export const ROOT = at('..');
export const SITE = at('.');
/** The pages as VitePress gets them: those of docs/, what they link to, and the reference. Made anew by each build. */
export const STAGED = at('../.artifacts/site');
export const BUILT = at('dist');
