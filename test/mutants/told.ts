/** What the process of an attack tells the run: an attack begins; something was found, or after all of them nothing. */
export type Told = { readonly begins: string } | { readonly finding: string | null };
