// @ts-check
// Copies the pages of docs/ to where VitePress reads them. A file of the repository that one of them links to becomes a page
// beside them, so that no link leaves the site; what is linked to as a folder is named, not linked.
import { existsSync, statSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, extname, join, posix, relative } from 'node:path';
import { ROOT, STAGED } from './paths.js';

/** A link or picture of Markdown with a relative target: its text in brackets, path and heading. */
const LINK = /(!?\[(?:[^[\]]|\[[^[\]]*\])*\])\((?![a-z]+:|#|\/)([^)\s#]+)(#[^)\s]*)?\)/g;
const FENCE = /^```.*?^```$/gms;

/** What code is in, by the end of its file's name. */
const LANGUAGES = { '.js': 'js', '.ts': 'ts', '.json': 'json', '.yaml': 'yaml', '.yml': 'yaml', '.conf': 'nginx' };

export async function stagePages() {
  const names = await readdir(join(ROOT, 'docs'), { recursive: true });
  const pages = names.filter((name) => name.endsWith('.md')).map((name) => posix.join('docs', name));
  const staged = new Set(pages);
  for (const page of staged) {
    for (const target of await stage(page)) staged.add(target); // which is looked at after those before
  }
}

/**
 * Stages one file of the repository.
 * @param {string} path from the root
 * @returns {Promise<string[]>} what it links to
 */
async function stage(path) {
  const target = join(STAGED, stagedAs(path));
  await mkdir(dirname(target), { recursive: true });
  const source = join(ROOT, path);
  if (extname(path) === '.png' || extname(path) === '.svg') {
    await copyFile(source, target);
    return [];
  }
  const text = await readFile(source, 'utf8');
  if (extname(path) !== '.md') {
    const language = LANGUAGES[/** @type {keyof LANGUAGES} */ (extname(path))] ?? 'txt';
    await writeFile(target, `# ${posix.basename(path)}\n\n\`${path}\`\n\n\`\`\`\`${language}\n${text}\`\`\`\`\n`);
    return [];
  }
  const { page, linked } = relinked(path, text);
  await writeFile(target, page);
  return linked;
}

/** Where a file of the repository is on the site: pages of docs at the top, all else below `repository/`. */
function stagedAs(/** @type {string} */ path) {
  const page = ['.md', '.png', '.svg'].includes(extname(path)) ? path : `${path}.md`;
  return path.startsWith('docs/') ? page.slice('docs/'.length) : `repository/${page}`;
}

/** A page whose links lead to where their targets are staged. */
function relinked(/** @type {string} */ path, /** @type {string} */ text) {
  /** @type {string[]} */
  const linked = [];
  const page = outsideOfCode(text, LINK, (whole, label, to, heading = '') => {
    const target = posix.normalize(posix.join(posix.dirname(path), to));
    if (!existsSync(join(ROOT, target))) return whole; // VitePress says that it is dead
    if (statSync(join(ROOT, target)).isDirectory()) return label.slice(1, -1);
    linked.push(target);
    const way = relative(posix.dirname(stagedAs(path)), stagedAs(target));
    return `${label}(${way.startsWith('.') ? way : `./${way}`}${heading})`;
  });
  return { page, linked };
}

/**
 * @param {string} text
 * @param {RegExp} pattern
 * @param {(...groups: string[]) => string} replacer
 */
function outsideOfCode(text, pattern, replacer) {
  const fences = text.match(FENCE) ?? [];
  const prose = text.split(FENCE).map((part) => part.replace(pattern, replacer));
  return prose.map((part, index) => part + (fences[index] ?? '')).join('');
}
