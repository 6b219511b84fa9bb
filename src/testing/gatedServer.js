/** Makes a server for tests whose calls and initializes last until they are released. */
export function createGatedServer({ holdInitialize = false } = {}) {
  const gates = new Gates();
  const sessions = [];
  const factory = (context) => {
    let transport;
    const session = { context, closes: 0, cleanups: 0, close: async () => transport?.close() };
    sessions.push(session);
    const server = {
      async connect(to) {
        transport = to;
        to.onclose = () => {
          session.closes++;
        };
        to.onmessage = (message) => {
          const { id, method, params } = message;
          if (id === undefined || method === undefined) return;
          const name = context.clientInfo?.name ?? '';
          const gate = gateOf(method, params?.arguments?.key, holdInitialize ? name : undefined);
          const answer = () => void to.send({ jsonrpc: '2.0', id, ...reply(message) }).catch(() => {});
          if (gate === undefined) answer();
          else gates.wait(gate, answer);
        };
        await to.start();
      },
      close: async () => transport?.close(),
    };
    return {
      server,
      cleanup: () => {
        session.cleanups++;
      },
    };
  };
  return {
    factory,
    sessions,
    release: (key) => gates.open(`call ${key}`),
    answerInitialize: (clientName) => gates.open(`initialize ${clientName}`),
  };
}
function gateOf(method, key, heldClient) {
  if (method === 'tools/call') return `call ${key}`;
  return method === 'initialize' && heldClient !== undefined ? `initialize ${heldClient}` : undefined;
}
function reply({ method, params }) {
  switch (method) {
    case 'initialize': {
      const protocolVersion = params?.protocolVersion ?? '2025-11-25';
      const serverInfo = { name: 'gated', version: '1.0.0' };
      return { result: { protocolVersion, capabilities: { tools: {} }, serverInfo } };
    }
    case 'ping':
      return { result: {} };
    case 'tools/list':
      return { result: { tools: [HOLD] } };
    case 'tools/call':
      return { result: { content: [{ type: 'text', text: 'released' }] } };
    default:
      return { error: { code: -32601, message: 'Method not found' } };
  }
}
const HOLD = {
  name: 'hold',
  description: 'Answers when the gate with this key is opened.',
  inputSchema: { type: 'object', properties: { key: { type: 'string' } }, required: ['key'] },
};
/** Those who wait, and what is open already. */
class Gates {
  #opened = new Set();
  #waiting = new Map();
  wait(gate, then) {
    if (this.#opened.has(gate)) return then();
    this.#waiting.set(gate, [...(this.#waiting.get(gate) ?? []), then]);
  }
  open(gate) {
    this.#opened.add(gate);
    const waiting = this.#waiting.get(gate) ?? [];
    this.#waiting.delete(gate);
    for (const then of waiting) then();
  }
}
