/** Writes 300 kB, the last line of which is not finished, and exits without waiting for anybody to read it. */
process.stdout.write(`${`${'y'.repeat(999)}\n`.repeat(300)}the end`, () => process.exit(7));
