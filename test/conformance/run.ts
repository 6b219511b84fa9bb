/** `npm run conformance`: the fixture, judged by the official suite and by the Inspector's command line. */
import { installClients } from './clients.ts';
import { startFixture } from './fixture.ts';
import { runInspector } from './inspector.ts';
import { runModernSuite, runSuite } from './suite.ts';
import type { Verdict } from './verdict.ts';

/** How long the process may live on when everything is closed. */
const ENDS_WITHIN = 5_000;

await installClients();
const fixture = await startFixture();
console.log(`the fixture listens at ${fixture.url}\n`);
const verdicts: Verdict[] = [];
try {
  verdicts.push(...(await runSuite(fixture.url)), ...(await runInspector(fixture.url)));
  verdicts.push(...(await runModernSuite(fixture.url)));
} finally {
  await fixture.close();
}
verdicts.push({ scenario: 'log without an error', succeeded: 1, complaints: fixture.errors });

let failed = 0;
for (const { scenario, succeeded, complaints } of verdicts) {
  const passed = complaints.length === 0;
  if (!passed) failed++;
  console.log(
    `${passed ? 'ok    ' : 'failed'}  ${scenario.padEnd(30)} ${succeeded} ${succeeded === 1 ? 'check' : 'checks'}`,
  );
  for (const complaint of complaints) console.log(`        ${complaint.replaceAll('\n', '\n        ')}`);
}
console.log(`${verdicts.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

setTimeout(() => {
  console.log(`failed: still open: ${process.getActiveResourcesInfo().join(', ')}`);
  process.exit(1);
}, ENDS_WITHIN).unref();
