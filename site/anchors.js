// @ts-check
// VitePress refuses links to pages that are not there. This refuses those to headings that are not there.
import { readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { BUILT } from './paths.js';

/**
 * @returns {Promise<number>} how many pages there are
 * @throws {Error} that lists the links to headings that no page has
 */
export async function checkAnchors() {
  const names = (await readdir(BUILT, { recursive: true })).filter((name) => name.endsWith('.html'));
  const pages = new Map(await Promise.all(names.map(async (name) => /** @type {const} */ ([name, await idsOf(name)]))));
  const dead = [...pages].flatMap(([page, { links }]) =>
    links.filter((link) => !leadsSomewhere(pages, page, link)).map((link) => `${page}: ${link}`),
  );
  if (dead.length > 0) throw new Error(`Links to headings that are not there:\n${dead.join('\n')}`);
  return pages.size;
}

async function idsOf(/** @type {string} */ page) {
  const html = await readFile(join(BUILT, page), 'utf8');
  return {
    ids: new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => decoded(id))),
    links: [...html.matchAll(/ href="([^"#]*#[^"]+)"/g)].map(([, link = '']) => link),
  };
}

/** @param {Map<string, { ids: Set<string> }>} pages */
function leadsSomewhere(pages, /** @type {string} */ from, /** @type {string} */ link) {
  if (/^[a-z]+:/.test(link)) return true;
  const [path = '', heading = ''] = link.split('#');
  const base = process.env['DOCS_BASE'] ?? '/';
  const target = path.startsWith(base) ? path.slice(base.length) : posix.join(posix.dirname(from), path);
  const page = path === '' ? from : target === '' || target.endsWith('/') ? `${target}index.html` : target;
  return pages.get(page)?.ids.has(decoded(heading)) === true;
}

/** As it is in an address, or in HTML. */
function decoded(/** @type {string} */ id) {
  return decodeURIComponent(id.replaceAll('&amp;', '&').replaceAll('&#39;', "'").replaceAll('&quot;', '"'));
}
