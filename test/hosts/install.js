// @ts-check
// Installs what `npm run hosts` tries (servers/package.json), unless it is as its lock file says; then packs the
// built package as it would be published, and puts that among them.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { installApart, npm, textOf } from '../support/installApart.js';

const ROOT = new URL('../../', import.meta.url);
const HOSTS = new URL('servers/', import.meta.url);
const MODULES = new URL('node_modules/', HOSTS);
const OURS = new URL('mcp-session-supervisor/', MODULES);
const PACKED = new URL('.artifacts/packed/', HOSTS);
const LOCK = new URL('package-lock.json', HOSTS);

const PACK_WITHIN = 30_000;

/** A dependency of ours that the lock file does not know would not be installed. */
function checkLock() {
  const { packages } = JSON.parse(textOf(LOCK) ?? '{}');
  const { dependencies } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8'));
  const locked = packages?.['node_modules/mcp-session-supervisor']?.dependencies;
  if (JSON.stringify(locked) === JSON.stringify(dependencies)) return;
  throw new Error('The dependencies have changed: run `npm install` in test/hosts/servers, and commit its lock file');
}

function installPackage() {
  rmSync(PACKED, { recursive: true, force: true });
  mkdirSync(PACKED, { recursive: true });
  // It was built a moment ago; `prepack` would do that again.
  npm(
    ['pack', fileURLToPath(ROOT), '--ignore-scripts', '--silent', '--pack-destination', fileURLToPath(PACKED)],
    PACK_WITHIN,
  );
  const [tarball] = readdirSync(PACKED);
  rmSync(new URL('dist/', OURS), { recursive: true, force: true });
  const paths = [fileURLToPath(new URL(String(tarball), PACKED)), '-C', fileURLToPath(OURS)];
  execFileSync('tar', ['-xzf', ...paths, '--strip-components=1'], { timeout: PACK_WITHIN });
}

checkLock();
installApart(HOSTS, 'the hosts');
installPackage();
