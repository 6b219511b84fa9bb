// @ts-check
// Installs the servers that `npm run test:stdio` serves (packages/package.json), unless they are as their lock file says.
import { installApart } from '../support/installApart.js';

installApart(new URL('packages/', import.meta.url), 'the servers');
