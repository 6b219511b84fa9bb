// @ts-check
// Sees to it that Debian's redis-server is there, for `npm run test:redis`. Installs it where that is allowed.
import { spawnSync } from 'node:child_process';

const isThere = () => spawnSync('redis-server', ['--version']).status === 0;

if (!isThere()) {
  console.log('redis-server is missing: apt-get install -y redis-server');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const install = () =>
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { stdio: 'inherit', env });
  // The lists of packages may be missing, or old.
  if (install().status !== 0) {
    spawnSync('apt-get', ['update'], { stdio: 'inherit', env });
    install();
  }
  if (!isThere()) {
    console.error(
      'redis-server could not be installed. Install it by hand: apt-get install -y redis-server, as root, on Debian.',
    );
    process.exitCode = 1;
  }
}
