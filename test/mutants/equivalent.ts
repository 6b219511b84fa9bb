/** Mutants that do what the original does, each with the reason; everything else has to die. */
export const EQUIVALENT: Readonly<Record<string, string>> = {
  'supervisor/session: keeps a session whose initialize was refused':
    'the answer that refuses it ends its exchange, and the end of that exchange ends the session',
};
