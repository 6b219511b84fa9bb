// @ts-check
// The API reference: a page for each entry point, by TypeDoc from the docstrings of the sources.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Application, Converter, DeclarationReflection, ReflectionKind, UnknownType } from 'typedoc';
import { ROOT, STAGED } from './paths.js';

/** The entry points that package.json names: how they are imported, and the source of each. */
async function entryPoints() {
  const { name, exports } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  return Object.entries(exports)
    .filter(([, target]) => typeof target === 'object')
    .map(([key, { default: built }]) => ({
      name: name + key.slice(1),
      source: join(ROOT, built.replace('./dist/', 'src/').replace(/\.js$/, '.ts')),
    }));
}

/** @throws {Error} where the sources do not compile, or a public name has no docstring */
export async function writeReference() {
  const entries = await entryPoints();
  const app = await Application.bootstrapWithPlugins({
    entryPoints: entries.map(({ source }) => source),
    tsconfig: join(ROOT, 'tsconfig.build.json'),
    plugin: ['typedoc-plugin-markdown'],
    name: 'API reference',
    readme: 'none',
    disableGit: true,
    disableSources: true,
    excludeInternal: true,
    excludePrivate: true,
    excludeExternals: true,
    githubPages: false,
    sort: ['source-order'],
    groupOrder: ['Functions', 'Interfaces', 'Type Aliases', 'Classes', 'Variables'],
    validation: { notExported: false, invalidLink: true, notDocumented: false },
    // Options of the plugin, which TypeDoc's types do not know.
    .../** @type {object} */ ({
      outputFileStrategy: 'modules',
      entryFileName: 'index',
      hidePageHeader: true,
      hideBreadcrumbs: true,
      parametersFormat: 'table',
      useCodeBlocks: true,
    }),
    out: join(STAGED, 'api'),
  });
  const named = new Map(entries.map(({ source, name }) => [source, name]));
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      module.name = named.get(sourceOf(project, module)) ?? module.name;
    }
    // What is inferred of a machine fills pages, and says less than its diagram.
    for (const variable of project.getReflectionsByKind(ReflectionKind.Variable)) {
      if (!variable.name.endsWith('Machine') || !(variable instanceof DeclarationReflection)) continue;
      variable.type = new UnknownType('StateMachine');
    }
  });
  const project = await app.convert();
  if (project === undefined) throw new Error('TypeDoc could not read the sources');
  const bare = undocumented(project);
  if (bare.length > 0) throw new Error(`Public names without a docstring: ${bare.join(', ')}`);
  app.validate(project);
  await app.generateOutputs(project);
  if (app.logger.hasErrors() || app.logger.hasWarnings()) throw new Error('The reference has warnings');
}

/** The file of an entry point. */
function sourceOf(
  /** @type {import('typedoc').ProjectReflection} */ project,
  /** @type {import('typedoc').Reflection} */ module,
) {
  return String(project.getSymbolIdFromReflection(module)?.fileName);
}

/** Public names that nothing is said of. */
function undocumented(/** @type {import('typedoc').ProjectReflection} */ project) {
  return (project.children ?? []).flatMap((module) =>
    (module.children ?? [])
      .filter((child) => !child.isReference() && ![child, ...(child.signatures ?? [])].some((it) => it.hasComment()))
      .map((child) => `${child.name} of ${module.name}`),
  );
}
