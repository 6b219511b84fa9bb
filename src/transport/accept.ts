/** The answer of a POST that asks for none: notifications and responses. */
import type { Exchange, ResponseHeaders } from './exchange.ts';
import { refuse } from './refuse.ts';
import type { SessionMemory } from './transportOptions.ts';

/** Says that what came has arrived, when what it has to be remembered for is stored. */
export function accept(exchange: Exchange, headers: ResponseHeaders, memory: SessionMemory | undefined): void {
  const stored = memory?.stored();
  if (stored === undefined) return exchange.respond(202, headers);
  void stored.then((isStored) => {
    if (isStored) exchange.respond(202, headers);
    else refuse(exchange, 'storeUnavailable');
  });
}
