// @ts-check
// The fragment that a heading gets: the same as on GitHub, so that links hold in the sources and on the site.
export function slug(/** @type {string} */ heading) {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}
