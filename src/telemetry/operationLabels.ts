/** What is said of an operation: the attributes of the conventions, by which it is counted. All values are bounded. */
import type { Operation, OperationEnd } from '../index.ts';
import { OTHER } from './histogram.ts';
import { CODES, known, METHODS, VERSIONS } from './methods.ts';
import type { NamesOfServer } from './names.ts';

export type Labels = Record<string, string | undefined>;

/** What every operation and session of ours travels on. */
export const NETWORK = { 'network.transport': 'tcp', 'network.protocol.name': 'http' } as const;

/** What an operation is about, where that has a name: its tool or its prompt. */
export function targetOf({
  method,
  params,
}: Operation): { readonly of: keyof NamesOfServer; readonly name: string } | undefined {
  const name = params?.['name'];
  if (typeof name !== 'string') return undefined;
  if (method === 'tools/call') return { of: 'tools', name };
  return method === 'prompts/get' ? { of: 'prompts', name } : undefined;
}

/** `error.type` of an ending; undefined where it is none. Of an answer with an error it is the code. */
export function errorType({ outcome, code }: Pick<OperationEnd, 'outcome' | 'code'>): string | undefined {
  switch (outcome) {
    case 'answered':
      return undefined;
    case 'error':
      return code === undefined ? OTHER : String(code);
    case 'toolError':
      return 'tool_error';
    case 'cancelled':
      return 'cancelled';
    case 'clientGone':
      return 'client_gone';
    case 'sessionEnded':
      return 'session_ended';
    case 'drained':
      return 'drained';
    case 'notJson':
      return 'not_json';
    default:
      return 'no_stream';
  }
}

/** All that `error.type` of an operation can be on metrics. */
export const ERROR_TYPES = [
  ...CODES,
  'tool_error',
  'cancelled',
  'client_gone',
  'session_ended',
  'drained',
  'not_json',
  'no_stream',
] as const;

/** The code of an answer with an error, as its label. */
export function statusCode({ outcome, code }: OperationEnd): string | undefined {
  return outcome === 'error' && code !== undefined ? String(code) : undefined;
}

/** Keeps the names that an operation's end shows to be real. */
export function learn(operation: Operation, end: OperationEnd, names: NamesOfServer): void {
  if (operation.side !== 'server' || end.outcome !== 'answered') return; // what a client lists, it can make up
  if (operation.method === 'tools/list') names.tools.learnAll(end.result?.['tools']);
  if (operation.method === 'prompts/list') names.prompts.learnAll(end.result?.['prompts']);
  const target = targetOf(operation);
  if (target !== undefined) names[target.of].learn(target.name);
}

export function operationLabels(operation: Operation, end: OperationEnd, names: NamesOfServer): Labels {
  const target = targetOf(operation);
  const type = errorType(end);
  const code = statusCode(end);
  return {
    'mcp.method.name': known(METHODS, operation.method),
    'error.type': type && known(ERROR_TYPES, type),
    'rpc.response.status_code': code && known(CODES, code),
    'gen_ai.operation.name': operation.method === 'tools/call' ? 'execute_tool' : undefined,
    'gen_ai.tool.name': target?.of === 'tools' ? names.tools.label(target.name) : undefined,
    'gen_ai.prompt.name': target?.of === 'prompts' ? names.prompts.label(target.name) : undefined,
    'mcp.protocol.version': versionLabel(operation.protocolVersion),
    ...NETWORK,
  };
}

export function versionLabel(version: string | undefined): string | undefined {
  return version && known(VERSIONS, version);
}
