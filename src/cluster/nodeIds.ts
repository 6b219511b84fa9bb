/**
 * Session ids that name the node where their session began: `<node>.<middle>.<tag>`. The tag shows that a node of this cluster
 * has made the id, so one that was made up costs no look-up. The name is a hint, by which a load balancer can route:
 * where the session is now, its record says.
 */
import type { KeyObject } from 'node:crypto';
import { SupervisorError } from '../errors.ts';
import { isSame, keysOf, type Secret, signatureOf } from './secrets.ts';

/** How long an id may be, in characters. */
const MAX_ID_LENGTH = 256;

/** Of the signature, in bytes. */
const TAG_BYTES = 8;
/** The same in base64url. */
const TAG_LENGTH = 11;

/** So many ids that were verified are remembered: the session that is asked for again is asked for often. */
const MAX_VERIFIED = 10_000;

const NAMED = /^[A-Za-z0-9_-]{1,32}$/;

export class NodeIds {
  readonly #node: string;
  /** The first one makes tags, all of them verify. */
  readonly #keys: readonly KeyObject[];
  /** The node of each; the oldest first. */
  readonly #verified = new Map<string, string>();

  /** `node` is the name of this node; `secrets` are one or two, the first of which makes ids. */
  constructor(node: string, secrets: readonly Secret[]) {
    this.#node = node;
    this.#keys = keysOf(secrets, 'session ids');
  }

  /**
   * Makes an id around its middle part.
   * @throws {SupervisorError} `INVALID_SESSION_ID` where it would be longer than 256 characters, or the middle is empty or
   *   not visible ASCII.
   */
  mint(middle: string): string {
    const longest = MAX_ID_LENGTH - this.#node.length - TAG_LENGTH - 2;
    if (middle.length > longest || !/^[\x21-\x7e]+$/.test(middle)) {
      const message = `Within a cluster the part of a session id that sessionIdGenerator makes has to be 1 to ${longest} characters of visible ASCII`;
      throw new SupervisorError('INVALID_SESSION_ID', message);
    }
    const named = `${this.#node}.${middle}`;
    return `${named}.${tagOf(this.#keys[0] as KeyObject, named)}`;
  }

  /** The node that an id names; undefined for one that no node of this cluster has made. */
  nodeOf(id: string): string | undefined {
    const known = this.#verified.get(id);
    if (known !== undefined) return known;
    const node = this.#verify(id);
    if (node === undefined) return undefined;
    this.#verified.set(id, node);
    const [oldest] = this.#verified.keys();
    if (this.#verified.size > MAX_VERIFIED && oldest !== undefined) this.#verified.delete(oldest);
    return node;
  }

  #verify(id: string): string | undefined {
    if (id.length > MAX_ID_LENGTH) return undefined;
    const [first, last] = [id.indexOf('.'), id.lastIndexOf('.')];
    if (last <= first + 1 || id.length - last - 1 !== TAG_LENGTH) return undefined;
    const node = id.slice(0, first);
    if (!NAMED.test(node)) return undefined;
    const [named, tag] = [id.slice(0, last), Buffer.from(id.slice(last + 1))];
    return this.#keys.some((key) => isSame(Buffer.from(tagOf(key, named)), tag)) ? node : undefined;
  }
}

/** Compared as text: some bytes more could be said in the last character of it. */
function tagOf(key: KeyObject, named: string): string {
  return signatureOf(key, named).toString('base64url', 0, TAG_BYTES);
}
