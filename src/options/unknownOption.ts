/** The refusal of an option that does not exist: it names what was probably meant, be it ours or the SDK's. */
import { distance } from 'fastest-levenshtein';
import { SupervisorError } from '../errors.ts';

/** What the SDK's transports take or have under names that are not ours, by lower-case name, and what it is here. */
const OF_THE_SDK: Readonly<Record<string, string>> = {
  onsessioninitialized:
    "the SDK's callback is the event session.opened here: supervisor.on('session.opened', listener)",
  onsessionclosed:
    "the SDK's callback is the event session.terminated here: supervisor.on('session.terminated', listener), for every ending and with its reason",
  enablednsrebindingprotection:
    'there is nothing to enable: allowedHosts and allowedOrigins are checked wherever they are given',
  keepalivems: 'it is keepAliveInterval here, in ms, and Infinity turns it off',
  supportedprotocolversions:
    'sessions have those of the SDK, and there is nothing to set; what requests of 2026-07-28 get is said by modern',
  onclose: "the SDK's callback is the event session.terminated here: supervisor.on('session.terminated', listener)",
  onerror: 'what goes wrong is told to the logger',
  onmessage: 'messages go to the server that the factory builds; what its session does is seen through inspect',
  sessionid: 'ids are made by sessionIdGenerator',
  era: 'what requests of 2026-07-28 get is said by modern, and the factory is told of which era each server is',
  legacy: 'sessions are served in any case, and what requests of 2026-07-28 get is said by modern',
};

/** @throws {SupervisorError} `UNKNOWN_OPTION`, always. */
export function refuseUnknown(name: string, known: readonly string[]): never {
  const sdk = Object.hasOwn(OF_THE_SDK, name.toLowerCase()) ? OF_THE_SDK[name.toLowerCase()] : undefined;
  const hint = sdk === undefined ? nearest(name, known) : `; ${sdk}`;
  throw new SupervisorError('UNKNOWN_OPTION', `There is no option ${name}${hint}`);
}

function nearest(name: string, known: readonly string[]): string {
  const wanted = name.toLowerCase();
  // Part of one name and of no other, as idleTimeout is of sessionIdleTimeout, says more than the letters that differ.
  const whole = known.filter((option) => option.toLowerCase().includes(wanted));
  if (whole.length === 1) return `; did you mean ${whole[0]}?`;
  const scored = known.map((option) => ({ option, edits: distance(wanted, option.toLowerCase()) }));
  const best = scored.reduce((a, b) => (b.edits < a.edits ? b : a));
  return best.edits <= name.length / 2 ? `; did you mean ${best.option}?` : `; there are: ${known.join(', ')}`;
}
