/** A mutant by name: a small change of the built code that makes a known mistake. */
export interface Patch {
  readonly name: string;
  /** A file of `dist`. */
  readonly file: string;
  /** Code that occurs once, and what takes its place. White space counts for one blank. */
  readonly find: string;
  readonly replace: string;
}

export const patch = (file: string, name: string, find: string, replace: string): Patch => ({
  name,
  file,
  find,
  replace,
});
