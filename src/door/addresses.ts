/** Addresses that a server is bound to: who can reach them, and by which name. */
import { BlockList } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether a bound address is reachable from this machine only. */
export function isLoopback(address: string): boolean {
  // It looks through ::ffff:127.0.0.1 by itself.
  return LOOPBACK.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
}

/** A host in a URL. What is bound to every address is reached at loopback; an IPv6 address stands in brackets. */
export function reachableName(host: string): string {
  const name = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return name.includes(':') ? `[${name}]` : name;
}
