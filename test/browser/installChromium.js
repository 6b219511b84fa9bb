// @ts-check
// Sees to it that Debian's Chromium is there, for `npm run test:browser`. Installs it where that is allowed.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const CHROMIUM = '/usr/bin/chromium';

if (!existsSync(CHROMIUM)) {
  console.log(`${CHROMIUM} is missing: apt-get install -y chromium`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = () =>
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], { stdio: 'inherit', env });
  // The lists of packages may be missing, or old.
  if (install().status !== 0) {
    spawnSync('apt-get', ['update'], { stdio: 'inherit', env });
    install();
  }
  if (!existsSync(CHROMIUM)) {
    console.error(
      'Chromium could not be installed. Install it by hand: apt-get install -y chromium, as root, on Debian.',
    );
    process.exitCode = 1;
  }
}
