/** Does not care for the end of its stdin. */
process.stdin.resume();
setInterval(() => {}, 60_000);
console.log('ready');
