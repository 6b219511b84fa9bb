/** The token in a file: read once, and only where nobody else can read it. What is in the file is told to nobody. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isToken, TOKEN_RULE } from '../door/token.ts';
import { SupervisorError } from '../index.ts';

/** The largest file that is a token, in bytes. */
const LARGEST = 4_096;

/** Read for everybody but owner and group. */
const FOR_OTHERS = 0o004;

/** @throws {SupervisorError} `INVALID_OPTION`, with what is wrong and what to do. */
export function readTokenFile(path: string): string {
  const text = read(path);
  const token = text.trim();
  if (token === '') refuse(path, 'it is empty: write a token into it, of `openssl rand -hex 32` for instance');
  if (!isToken(token)) refuse(path, `it has to have one line with ${TOKEN_RULE}`);
  return token;
}

function read(path: string): string {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const { mode } = fstatSync(file);
    // Where there are no such rights the mode says nothing.
    if (process.platform !== 'win32' && (mode & FOR_OTHERS) !== 0) {
      refuse(path, `everybody can read it: take that away with \`chmod o-rwx ${path}\``);
    }
    const buffer = Buffer.alloc(LARGEST + 1);
    let length = 0;
    for (let more = -1; more !== 0 && length < buffer.length; length += more) {
      more = readSync(file, buffer, length, buffer.length - length, null);
    }
    if (length > LARGEST) refuse(path, `it is larger than ${LARGEST} bytes`);
    return buffer.toString('utf8', 0, length);
  } catch (error) {
    if (error instanceof SupervisorError) throw error;
    return refuse(path, whyNot(error), error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function whyNot(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'this process may not read it: make its user the owner, or its group';
  if (code === 'EISDIR') return 'it is a directory';
  return message;
}

function refuse(path: string, why: string, cause?: unknown): never {
  throw new SupervisorError('INVALID_OPTION', `tokenFile must be a file with the token; ${path} is none: ${why}`, {
    cause,
  });
}
