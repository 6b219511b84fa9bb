/**
 * What a run of the suite is worth. Stricter than the suite's exit code, which overlooks warnings, skipped checks, and
 * three scenarios altogether.
 */

/** One finding of the suite, as its `checks.json` has it. */
export interface Check {
  readonly id: string;
  readonly name: string;
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
  readonly errorMessage?: string | undefined;
  readonly details?: unknown;
}

export interface Verdict {
  readonly scenario: string;
  /** How many checks succeeded. */
  readonly succeeded: number;
  /** Why the scenario failed; empty when it passed. */
  readonly complaints: readonly string[];
}

/** The scenarios for servers of revision 2025-11-25, those that the suite does not score included. */
export const EXPECTED_SCENARIOS: readonly string[] = [
  'server-initialize',
  'server-session-lifecycle',
  'server-sse-multiple-streams',
  'server-sse-polling',
  'dns-rebinding-protection',
  'ping',
  'logging-set-level',
  'completion-complete',
  'tools-list',
  'tools-call-simple-text',
  'tools-call-image',
  'tools-call-audio',
  'tools-call-embedded-resource',
  'tools-call-mixed-content',
  'tools-call-with-logging',
  'tools-call-with-progress',
  'tools-call-error',
  'tools-call-sampling',
  'tools-call-elicitation',
  'elicitation-sep1034-defaults',
  'elicitation-sep1330-enums',
  'json-schema-2020-12',
  'resources-list',
  'resources-read-text',
  'resources-read-binary',
  'resources-templates-read',
  'resources-subscribe',
  'resources-unsubscribe',
  'prompts-list',
  'prompts-get-simple',
  'prompts-get-with-args',
  'prompts-get-embedded-resource',
  'prompts-get-with-image',
];

/** Those for servers of revision 2026-07-28, but for what handlers of an SDK do with `input_required`. */
export const MODERN_SCENARIOS: readonly string[] = [
  'server-stateless',
  'completion-complete',
  'tools-list',
  'tools-call-simple-text',
  'tools-call-image',
  'tools-call-audio',
  'tools-call-embedded-resource',
  'tools-call-mixed-content',
  'tools-call-error',
  'tools-call-with-progress',
  'json-schema-2020-12',
  'server-sse-multiple-streams',
  'resources-list',
  'resources-read-text',
  'resources-read-binary',
  'resources-templates-read',
  'sep-2164-resource-not-found',
  'prompts-list',
  'prompts-get-simple',
  'prompts-get-with-args',
  'prompts-get-embedded-resource',
  'prompts-get-with-image',
  'dns-rebinding-protection',
  'caching',
  'http-header-validation',
  'http-custom-header-server-validation',
];

/**
 * The suite wants the versions in -32022 to be those of discover, which are for later requests; the revision's own example
 * lists older ones too, and so do we: a client learns from it that there are sessions. And it is told under INFO that calls
 * without progress are answered in JSON, which is the revision's own choice.
 */
export const KNOWN_DEVIATIONS: ReadonlySet<string> = new Set([
  'sep-2575-server-unsupported-version-error',
  'server-sse-streams-functional',
]);

/** What a scenario tells of its course, without judging anything. */
const COURSE = new Set(['outgoing-request', 'incoming-response', 'incoming-sse-event', 'stream-closed']);

/** Judges what ran, by scenario: first what was expected, in our order, then what was not. */
export function judge(
  ran: ReadonlyMap<string, readonly Check[]>,
  expected: readonly string[] = EXPECTED_SCENARIOS,
  deviations: ReadonlySet<string> = new Set(),
): Verdict[] {
  const unexpected = [...ran.keys()].filter((scenario) => !expected.includes(scenario));
  return [...expected, ...unexpected].map((scenario) => {
    const checks = ran.get(scenario);
    if (checks === undefined) return { scenario, succeeded: 0, complaints: ['it did not run'] };
    const succeeded = checks.filter(({ status }) => status === 'SUCCESS').length;
    const complaints = checks.filter((check) => !passed(check) && !deviations.has(check.id)).map(describe);
    if (succeeded === 0) complaints.push('no check succeeded');
    if (unexpected.includes(scenario)) complaints.push('it is not among the expected scenarios');
    return { scenario, succeeded, complaints };
  });
}

/** The suite files "could not be tested" under INFO: a check that says so has shown nothing. */
function passed({ id, status }: Check): boolean {
  return status === 'SUCCESS' || (status === 'INFO' && COURSE.has(id));
}

function describe({ id, status, errorMessage, details }: Check): string {
  return `${status} ${id}: ${errorMessage ?? JSON.stringify(details)}`;
}
