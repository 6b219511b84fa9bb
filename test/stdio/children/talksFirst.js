/** Says 3 MB before it listens, whether anybody reads them or not, and ends by the end of its stdin. */
import { writeSync } from 'node:fs';

const line = Buffer.from(`${'x'.repeat(99_999)}\n`);
console.log('ready');
for (let n = 0; n < 30; n++) {
  for (let at = 0; at < line.length; ) {
    try {
      at += writeSync(1, line, at);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}
process.stdin.resume().on('end', () => process.exit(0));
