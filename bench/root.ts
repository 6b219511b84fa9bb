/** The repository's root, seen from where the bench is compiled to: `.artifacts/bench/`. */
export const ROOT = new URL('../../', import.meta.url);
