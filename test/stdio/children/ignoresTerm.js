/** Ends by the end of its stdin, but by no polite signal. */
process.on('SIGTERM', () => console.log('heard SIGTERM'));
process.stdin.resume().on('end', () => process.exit(0));
console.log('ready');
