// @ts-check
// Builds the site: stages the pages, writes the reference beside them, has VitePress render them, and looks after links and the search.
import { mkdir, rm } from 'node:fs/promises';
import { build as buildPages, serve } from 'vitepress';
import { checkAnchors } from './anchors.js';
import { BUILT, SITE, STAGED } from './paths.js';
import { writeReference } from './reference.js';
import { checkSearch } from './search.js';
import { stagePages } from './stage.js';

/** @throws {Error} where a page, a docstring or a link is not as it has to be. */
export async function build() {
  await rm(STAGED, { recursive: true, force: true });
  await mkdir(STAGED, { recursive: true });
  await stagePages();
  await writeReference();
  await buildPages(SITE);
  const pages = await checkAnchors();
  await checkSearch();
  console.log(`${pages} pages, no dead link: ${BUILT}`);
  console.log('npm run docs -- --serve shows them');
}

export async function serveBuilt() {
  await serve({ root: SITE, base: process.env['DOCS_BASE'] });
}
