/** Ends by nothing but SIGKILL. */
process.on('SIGTERM', () => console.log('heard SIGTERM'));
process.stdin.resume();
setInterval(() => {}, 60_000);
console.log('ready');
