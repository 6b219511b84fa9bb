// @ts-check
// What the search of the site finds first, and that a new user's questions lead to their answers.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import MiniSearch from 'minisearch';
import { BUILT, SITE } from './paths.js';

/** Pages come before the reference and before files of the repository. Has to stand by itself: the browser gets its text. */
export const searchOptions = {
  boostDocument: (/** @type {string} */ id) => (/\/(api|repository)\//.test(id) ? 0.2 : 1),
};

/** How VitePress makes and asks its index. */
const INDEX = { fields: ['title', 'titles', 'text'], storeFields: ['title', 'titles'] };
const ASKED = { fuzzy: 0.2, prefix: true, boost: { title: 4, text: 2, titles: 1 } };

/** Of what is found, so many are seen at a glance. */
const AT_A_GLANCE = 3;

/**
 * Asks the questions of questions.json: words that somebody may type, and the page that answers them.
 * @throws {Error} where a page is not among the first that are found
 */
export async function checkSearch() {
  const folder = join(BUILT, 'assets/chunks');
  const name = (await readdir(folder)).find((file) => file.startsWith('@localSearchIndexroot'));
  const { default: index } = await import(join(folder, String(name)));
  const search = MiniSearch.loadJSON(index, { ...INDEX, searchOptions: { ...ASKED, ...searchOptions } });
  /** @type {Record<string, string>} */
  const questions = JSON.parse(await readFile(join(SITE, 'questions.json'), 'utf8'));
  const lost = Object.entries(questions).flatMap(([question, page]) => {
    const found = search
      .search(question)
      .slice(0, AT_A_GLANCE)
      .map(({ id }) => String(id));
    return found.some((id) => id.includes(`/${page}.html`)) ? [] : [`${question}: ${found.join(', ')}`];
  });
  if (lost.length > 0) throw new Error(`Questions that the search does not answer:\n${lost.join('\n')}`);
}
