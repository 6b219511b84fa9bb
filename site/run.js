// @ts-check
// `npm run docs`: installs what builds the site (package.json), unless it is as its lock file says, and builds it. With
// `-- --serve` it is then served on this machine, with `-- --base /name/` made for a site that begins below that path.
import { parseArgs } from 'node:util';
import { installApart } from '../test/support/installApart.js';

const { values } = parseArgs({ options: { serve: { type: 'boolean' }, base: { type: 'string', default: '/' } } });

installApart(new URL('.', import.meta.url), 'what builds the site');
process.env['DOCS_BASE'] = values.base;
const { build, serveBuilt } = await import('./build.js'); // needs what was installed
await build();
if (values.serve) await serveBuilt();
