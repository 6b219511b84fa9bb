// @ts-check
// Sees to it that what stands around the command on Debian is there, for `npm run test:proxies`: proxies, systemd, promtool
// and an init. Installs what is missing where that is allowed, and starts none of it.
import { spawnSync } from 'node:child_process';

/** Programs, the way to see that they are there, and the packages that have them. */
const PROGRAMS = [
  ['nginx', '-v', 'nginx-light'],
  ['haproxy', '-v', 'haproxy'],
  ['caddy', 'version', 'caddy'],
  ['systemd-analyze', '--version', 'systemd'],
  ['promtool', '--version', 'prometheus'],
  ['tini', '--version', 'tini'],
  ['unshare', '--version', 'util-linux'],
  ['openssl', 'version', 'openssl'],
  ['curl', '--version', 'curl'],
];

const missing = () =>
  PROGRAMS.filter(([program = '', flag = '']) => spawnSync(program, [flag]).status !== 0).map(
    ([, , name = '']) => name,
  );

const packages = missing();
if (packages.length > 0) {
  console.log(`missing: apt-get install -y ${packages.join(' ')}`);
  // A run level of 1 is one in which no service is started.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const install = () =>
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...packages], { stdio: 'inherit', env });
  // The lists of packages may be missing, or old.
  if (install().status !== 0) {
    spawnSync('apt-get', ['update'], { stdio: 'inherit', env });
    install();
  }
  const left = missing();
  if (left.length > 0) {
    console.error(`Could not be installed. By hand: apt-get install -y ${left.join(' ')}, as root, on Debian.`);
    process.exitCode = 1;
  }
}
