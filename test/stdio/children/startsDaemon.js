// Starts a daemon that it means to leave behind, outside its group and without the variable of which it is told the name.
import { spawn } from 'node:child_process';

const start = (env) => {
  const started = spawn('sleep', ['300'], { detached: true, stdio: 'ignore', env });
  started.unref();
  return started.pid;
};
console.log(`daemon ${start({ ...process.env, [process.env.MARKER]: undefined })}`);
console.log(`forgotten ${start(process.env)}`);
process.stdin.resume();
