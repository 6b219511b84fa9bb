/**
 * One listen stream: the request of a client that wants to hear what changes, for as long as it stays. Its machine says
 * where in its life it is; the SDK's handler writes what it says, its result at the end included. It has a handler of its
 * own, because a handler ends all of its streams or none.
 */
import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { McpHttpHandler, ServerEventBus } from '@modelcontextprotocol/server';
import { createActor } from 'xstate';
import { MAX_DELAY } from '../clock.ts';
import { leaveParent } from '../machines/leaveParent.ts';
import { type ListenMachineEvent, listenMachine } from '../machines/listen.ts';
import { CLIENT_INFO } from '../protocol/era.ts';
import { clientOf } from '../protocol/initialize.ts';
import { isObject } from '../protocol/messages.ts';
import type { ListenInfo, ListenWish } from '../supervisor/modernEra.ts';
import type { Exchange } from '../transport/exchange.ts';
import type { ModernHost } from './modernHost.ts';
import { buildFor } from './modernRequest.ts';
import type { ModernSdk } from './sdk.ts';

export class Listening {
  readonly handler: McpHttpHandler;
  readonly #info: Omit<ListenInfo, 'state' | 'sent'>;
  readonly #actor;
  #sent = 0;

  /** `ended` is called when it is over. */
  constructor(
    number: number,
    sdk: ModernSdk,
    notices: ServerEventBus,
    host: ModernHost,
    exchange: Exchange,
    principal: string | undefined,
    { params }: JSONRPCRequest,
    ended: (listening: Listening) => void,
  ) {
    const id = String(number);
    const meta = isObject(params?._meta) ? params._meta : {};
    this.#info = {
      id,
      principal,
      clientInfo: clientOf(meta[CLIENT_INFO]),
      openedAt: host.options.clock.now(),
      wants: wishOf(params?.['notifications']),
    };
    this.handler = sdk.createMcpHandler(({ requestInfo }) => buildFor(requestInfo), {
      legacy: 'reject',
      maxSubscriptions: 1,
      keepAliveMs: 0, // our connection has comments of its own
      bus: notices,
    });
    const machine = listenMachine.provide({
      actions: {
        finish: () => void this.handler.close(),
        cut: () => exchange.destroy(),
        release: () => {
          leaveParent(this.#actor, host.actor);
          ended(this);
        },
      },
    });
    this.#actor = createActor(machine, {
      id: 'listen', // one name for all: xstate remembers the names of those that have ended
      parent: host.actor,
      systemId: `listen stream ${id}`,
      input: { streamId: id, closeTimeout: Math.min(host.options.shutdownTimeout, MAX_DELAY) },
    });
    this.#actor.start();
  }

  info(): ListenInfo {
    const state = this.#actor.getSnapshot().value;
    return { ...this.#info, state, sent: this.#sent };
  }

  acknowledged(): void {
    this.#send({ type: 'ACKNOWLEDGED' });
  }

  /** It was sent something, its acknowledgement and its result included. */
  wrote(): void {
    this.#sent++;
  }

  refused(): void {
    this.#send({ type: 'REFUSED' });
  }

  completed(): void {
    this.#send({ type: 'COMPLETED' });
  }

  overflowed(): void {
    this.#send({ type: 'OVERFLOW' });
  }

  left(): void {
    this.#send({ type: 'LEFT' });
  }

  /** Ends it well. */
  finish(reason: 'drained' | 'terminated'): void {
    this.#send({ type: 'FINISH', reason });
  }

  #send(event: ListenMachineEvent): void {
    if (this.#actor.getSnapshot().status === 'active') this.#actor.send(event);
  }
}

/** What a client wants to hear of, as far as it can be read; the handler refuses what it can't. */
function wishOf(notifications: unknown): ListenWish {
  const asked = isObject(notifications) ? notifications : {};
  const resources = asked['resourceSubscriptions'];
  return {
    tools: asked['toolsListChanged'] === true,
    prompts: asked['promptsListChanged'] === true,
    resources: asked['resourcesListChanged'] === true,
    uris: Array.isArray(resources) ? resources.length : 0,
  };
}
