/**
 * Fails a run of all tests in which a claim is not shown (see claim.ts). A part of the tests can't show everything, so a
 * run that is narrowed down to files or names is let be.
 */
import type { Reporter, TestModule, TestSpecification, Vitest } from 'vitest/node';
import { type Claim, holes, type Outcome } from './claim.ts';

/** Manifests by what they are called. */
export type Manifests = Readonly<Record<string, readonly Claim[]>>;

export class ClaimsReporter implements Reporter {
  readonly #manifests: Manifests;
  #vitest: Vitest | undefined;
  #whole = false;

  constructor(manifests: Manifests) {
    this.#manifests = manifests;
  }

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  async onTestRunStart(specifications: readonly TestSpecification[]): Promise<void> {
    const vitest = this.#vitest;
    if (vitest === undefined || vitest.config.testNamePattern !== undefined) return;
    const running = new Set(specifications.map(({ moduleId }) => moduleId));
    const all = await vitest.globTestSpecifications();
    this.#whole = all.every(({ moduleId, testLines }) => running.has(moduleId) && testLines === undefined);
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const { logger } = this.#vitest ?? {};
    if (!this.#whole || logger === undefined) return;
    const outcomes = outcomesOf(modules);
    for (const [name, claims] of Object.entries(this.#manifests)) {
      const found = holes(claims, outcomes);
      const shown = claims.filter(({ notOurs }) => notOurs === undefined).length;
      if (found.length === 0) logger.log(` ${name}: ${shown} shown, ${claims.length - shown} not ours`);
      else {
        process.exitCode = 1;
        logger.error(` ${name}: ${found.length} not shown\n${found.map((line) => `   ${line}\n`).join('')}`);
      }
    }
  }
}

function outcomesOf(modules: readonly TestModule[]): Map<string, Outcome[]> {
  const outcomes = new Map<string, Outcome[]>();
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const name = `${module.relativeModuleId} > ${test.fullName}`;
      outcomes.set(name, [...(outcomes.get(name) ?? []), test.result().state]);
    }
  }
  return outcomes;
}
