/** A server on stdio that echoes, as cheap as one can be: what is measured is who stands before it. */
interface Asked {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: { readonly protocolVersion?: string; readonly arguments?: { readonly text?: string } };
}

function resultOf({ method, params }: Asked): object {
  if (method === 'tools/call') return { content: [{ type: 'text', text: params?.arguments?.text }] };
  if (method !== 'initialize') return {};
  const serverInfo = { name: 'echo', version: '1.0.0' };
  return { protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo };
}

let rest = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (chunk: string) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop() ?? '';
  for (const line of lines) {
    const asked = JSON.parse(line) as Asked;
    if (asked.id === undefined) continue;
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id: asked.id, result: resultOf(asked) })}\n`);
  }
});
process.stdin.on('end', () => process.exit(0));
