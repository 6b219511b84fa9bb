/** Mutants that do what the original does, each with the reason; everything else has to die. */
export const EQUIVALENT: Readonly<Record<string, string>> = {};
