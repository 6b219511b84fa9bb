/** Where the diagrams stand in a Markdown file: between `<!-- diagram: name -->` and `<!-- /diagram -->`. */

const PLACE = /^<!-- diagram: ([^\n]+?) -->$.*?^<!-- \/diagram -->$/gms;

/**
 * Puts diagrams where their markers are, in place of what stands there.
 * @throws {Error} when there is no marker, one names no diagram, or one is not closed.
 */
export function fillIn(markdown: string, diagrams: Readonly<Record<string, string>>): string {
  const places = markdown.match(PLACE)?.length ?? 0;
  const markers = markdown.match(/<!-- diagram: /g)?.length ?? 0;
  if (markers === 0) throw new Error('No <!-- diagram: … --> marker');
  if (places !== markers) throw new Error('A <!-- diagram: … --> marker without <!-- /diagram -->');
  return markdown.replace(PLACE, (_, name: string) => {
    const diagram = diagrams[name];
    if (diagram === undefined) {
      throw new Error(`There is no diagram "${name}"; there are: ${Object.keys(diagrams).join(', ')}`);
    }
    return `<!-- diagram: ${name} -->\n\`\`\`mermaid\n${diagram}\n\`\`\`\n<!-- /diagram -->`;
  });
}
