/** An event store on the SDK's contract, as simple as the SDK's own example, with ids that say their order. */
import type { EventId, EventStore, StreamId } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

export class TestEventStore implements EventStore {
  /** Everything stored, in order. */
  readonly events: { readonly id: EventId; readonly streamId: StreamId; readonly message: JSONRPCMessage }[] = [];

  async storeEvent(streamId: StreamId, message: JSONRPCMessage): Promise<EventId> {
    const id = `${streamId}_${this.events.length}`;
    this.events.push({ id, streamId, message });
    return id;
  }

  async replayEventsAfter(
    lastEventId: EventId,
    { send }: { send: (eventId: EventId, message: JSONRPCMessage) => Promise<void> },
  ): Promise<StreamId> {
    const at = this.events.findIndex(({ id }) => id === lastEventId);
    const last = this.events[at];
    if (last === undefined) return '';
    for (const { id, streamId, message } of this.events.slice(at + 1)) {
      if (streamId === last.streamId) await send(id, message);
    }
    return last.streamId;
  }
}
