// @ts-check
// Installs the clients that `npm run test:clients` tries (packages/package.json), unless they are as their lock file says.
import { installApart } from '../support/installApart.js';

installApart(new URL('packages/', import.meta.url), 'the clients');
