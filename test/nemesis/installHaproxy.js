// @ts-check
// Sees to it that Debian's haproxy is there, for `npm run test:cluster`. Installs it where that is allowed.
import { spawnSync } from 'node:child_process';

const isThere = () => spawnSync('haproxy', ['-v']).status === 0;

if (!isThere()) {
  console.log('haproxy is missing: apt-get install -y haproxy');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const install = () =>
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'haproxy'], { stdio: 'inherit', env });
  // The lists of packages may be missing, or old.
  if (install().status !== 0) {
    spawnSync('apt-get', ['update'], { stdio: 'inherit', env });
    install();
  }
  if (!isThere()) {
    console.error(
      'haproxy could not be installed. Install it by hand: apt-get install -y haproxy, as root, on Debian.',
    );
    process.exitCode = 1;
  }
}
