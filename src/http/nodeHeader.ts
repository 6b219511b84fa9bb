/** Sets a header of a node:http response. What middleware has said in `Vary` stays: it is a list that many add to. */
import type { ServerResponse } from 'node:http';

export function setNodeHeader(response: ServerResponse, name: string, value: string): void {
  if (response.headersSent) return;
  const before = name === 'Vary' ? response.getHeader(name) : undefined;
  if (before === undefined) return void response.setHeader(name, value);
  const known = String(before)
    .split(',')
    .map((field) => field.trim().toLowerCase());
  if (!known.includes(value.toLowerCase()) && !known.includes('*')) response.setHeader(name, `${before}, ${value}`);
}
