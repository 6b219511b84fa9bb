/** Complains 20 000 times, and then says that it could. */
const complaint = `${'complaint '.repeat(20)}\n`;
process.stderr.write(complaint.repeat(20_000), () => console.log('not blocked'));
process.stdin.resume();
