/** Says every line back, and ends by the end of its stdin. */
process.stdin.pipe(process.stdout);
