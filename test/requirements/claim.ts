/** What a manifest claims: that something holds, and which tests show it. Knows nothing of what runs the tests. */
import { closest } from 'fastest-levenshtein';

export interface Claim {
  /** Names the line, once and for all. */
  readonly id: string;
  /** `test/file.test.ts > suite > test`, the tests that show it; `*` stands for the values of a `test.each`. */
  readonly tests: readonly string[];
  /** Why there is nothing to show. Then, and only then, there are no tests. */
  readonly notOurs?: string;
}

/** How a test ended, as the runner says. */
export type Outcome = 'passed' | 'failed' | 'skipped' | 'pending';

/** How the tests ended, by their full names; more than one where tests share a name. */
export type Outcomes = ReadonlyMap<string, readonly Outcome[]>;

/** One sentence for each claim that is not shown: without a test, or with one that does not exist, did not run or failed. */
export function holes(claims: readonly Claim[], outcomes: Outcomes): string[] {
  const ids = new Set<string>();
  return claims.flatMap((claim) => {
    const { id, tests, notOurs } = claim;
    const found = tests.flatMap((test) => hole(test, outcomes) ?? []);
    if (ids.has(id)) found.push('has an id that another line has');
    ids.add(id);
    if (notOurs === undefined && tests.length === 0) found.push('has no test');
    if (notOurs !== undefined && (tests.length > 0 || notOurs === '')) {
      found.push('says that it is not ours: then it has a reason, and no tests');
    }
    return found.map((problem) => `${id}: ${problem}`);
  });
}

function hole(test: string, outcomes: Outcomes): string | undefined {
  const names = test.includes('*') ? [...outcomes.keys()].filter(matches(test)) : [test];
  const ran = names.flatMap((name) => (outcomes.get(name) ?? []).map((outcome) => ({ name, outcome })));
  if (ran.length === 0) return `there is no test "${test}"${nearest(test, outcomes)}`;
  const other = ran.find(({ outcome }) => outcome !== 'passed');
  return other === undefined ? undefined : `the test "${other.name}" did not pass: ${other.outcome}`;
}

function matches(pattern: string): (name: string) => boolean {
  const escaped = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const expression = new RegExp(`^${escaped.join('.*')}$`, 's');
  return (name) => expression.test(name);
}

function nearest(test: string, outcomes: Outcomes): string {
  return outcomes.size === 0 ? '' : `; the nearest is "${closest(test, [...outcomes.keys()])}"`;
}
