/** Hosts as a `Host` header can say them: a name or an address, and a port where it is not the usual one. */
import { invalid } from '../errors.ts';
import { type Check, strings } from './checks.ts';

/** Every IPv6 address has brackets there; a name in other letters than ASCII comes as its xn-- form. */
const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._~-]+)(?::\d{1,5})?$/i;

/** Refuses what no request can be sent to: it would never match, and keep everybody out. */
export const hosts: Check<readonly string[]> = (name, value) => {
  for (const host of strings(name, value)) {
    if (HOST.test(host)) continue;
    const allowed = 'host names such as localhost, mcp.example:8080 or [::1], without a scheme, a path or a wildcard';
    invalid(name, host, allowed);
  }
  return value as readonly string[];
};
