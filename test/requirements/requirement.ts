/** One line of the manifest of what the protocol asks for. */
import type { Claim } from './claim.ts';

/** A rule of MCP 2025-11-25, in our own words. */
export interface Requirement extends Claim {
  /** Where the protocol says so. */
  readonly link: string;
  readonly keyword: Keyword;
  readonly duty: Duty;
  readonly rule: string;
}

export type Keyword = 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT' | 'MAY';

/** Whose duty it is. The tests of a client's duty show what our server does where a client fails in it. */
export type Duty = 'server' | 'client' | 'both';

const REVISION = 'https://modelcontextprotocol.io/specification/2025-11-25/basic/';

/** The tests that show a rule, or why there is nothing to show. */
type Proof = readonly string[] | { readonly notOurs: string };

/** Makes the lines of one page: whose duty, how strict, where on the page, what, and what shows it. */
export const linesOf =
  (page: string) =>
  (duty: Duty, keyword: Keyword, anchor: string, name: string, rule: string, proof: Proof): Requirement => {
    const line = {
      id: `${page}/${name}`,
      link: REVISION + page + (anchor === '' ? '' : `#${anchor}`),
      keyword,
      duty,
      rule,
    };
    return 'notOurs' in proof ? { ...line, ...proof, tests: [] } : { ...line, tests: proof };
  };

/** Names tests of one file. */
export const testsOf =
  (file: string) =>
  (...names: string[]): string[] =>
    names.map((name) => `test/${file}.test.ts > ${name}`);

/** The tests that more than one page refers to, by file. */
export const shown = {
  auth: testsOf('http/auth'),
  bodies: testsOf('http/bodies'),
  endings: testsOf('http/endings'),
  ending: testsOf('http/races/ending'),
  eventLog: testsOf('stores/eventLog'),
  eventStore: testsOf('http/modes/eventStore'),
  lifecycle: testsOf('http/lifecycle'),
  lifetime: testsOf('http/modes/lifetime'),
  options: testsOf('options'),
  principals: testsOf('http/principals'),
  requests: testsOf('http/requests'),
  resumedCalls: testsOf('http/resumption/calls'),
  resumedGet: testsOf('http/resumption/getStream'),
  lastEventIds: testsOf('http/resumption/lastEventIds'),
  headers: testsOf('http/hostile/headers'),
  routing: testsOf('http/modes/routing'),
  listening: testsOf('cli/listening'),
  serving: testsOf('cli/serving'),
  stateless: testsOf('http/modes/stateless'),
  wireLifecycle: testsOf('http/wireLifecycle'),
  wireStreams: testsOf('http/wireStreams'),
};
