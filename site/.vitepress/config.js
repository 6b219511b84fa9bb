// @ts-check
// How VitePress makes the site. Nothing on it is loaded from elsewhere: fonts, search and diagrams are in it.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { defineConfig } from 'vitepress';
import { ROOT, SITE, STAGED } from '../paths.js';
import { searchOptions } from '../search.js';
import { slug } from '../slug.js';

const { name, description, version, exports } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));

/**
 * What stands at the side of each page, in this order: paths below docs/, without `.md`, and what they are called there. A
 * page that is missing here fails a test (test/docs/site.test.ts), so a new one takes a line in that file.
 * @type {{ text: string, pages: Record<string, string> }[]}
 */
const navigation = JSON.parse(readFileSync(`${SITE}navigation.json`, 'utf8'));

const sections = navigation.map(({ text, pages }) => ({
  text,
  collapsed: false,
  items: Object.entries(pages).map(([page, title]) => ({ text: title, link: `/${page}` })),
}));

/** As TypeDoc names the pages: one for each entry point. */
const entries = Object.keys(exports)
  .filter((key) => typeof exports[key] === 'object')
  .map((key) => ({ text: name + key.slice(1), link: `/api/${name}${key.slice(1)}` }));

/** Pages of the repository that are no page of docs/. */
const house = [
  { text: 'Security', link: '/repository/SECURITY' },
  { text: 'Changes', link: '/repository/CHANGELOG' },
  { text: 'Architecture', link: '/repository/ARCHITECTURE' },
];

export default defineConfig({
  title: name,
  description,
  lang: 'en',
  base: /** @type {`/${string}/`} */ (process.env['DOCS_BASE'] ?? '/'),
  srcDir: relative(SITE, STAGED),
  outDir: 'dist',
  cacheDir: '.vitepress/cache',
  cleanUrls: false,
  ignoreDeadLinks: false,
  lastUpdated: false,
  metaChunk: true,
  markdown: {
    anchor: { slugify: slug },
    toc: { slugify: slug },
    headers: { slugify: slug },
    config(md) {
      const fence = md.renderer.rules.fence;
      md.renderer.rules.fence = (tokens, index, ...rest) => {
        const token = tokens[index];
        if (token?.info.trim() === 'mermaid') return `<Diagram code="${encodeURIComponent(token.content)}" />\n`;
        return fence?.(tokens, index, ...rest) ?? '';
      };
    },
  },
  themeConfig: {
    outline: { level: [2, 3] },
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'Options', link: '/options' },
      { text: 'Errors', link: '/errors' },
      { text: 'Log', link: '/logs' },
      { text: 'API', link: '/api/' },
      { text: version, link: '/repository/CHANGELOG' },
    ],
    sidebar: [
      ...sections,
      { text: 'API', collapsed: true, items: entries },
      { text: 'The house', collapsed: true, items: house },
    ],
    search: {
      provider: 'local',
      options: { miniSearch: { searchOptions } },
    },
    docFooter: { prev: 'Before', next: 'Next' },
  },
});
