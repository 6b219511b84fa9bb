/**
 * Where every request to the admin comes: health for anybody, without a word of why; metrics for whoever asks by a name of
 * this server and from no page of elsewhere; the rest with the token as well.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Access } from '../door/access.ts';
import { prepare, refuseUpgrade, send, sendText, targetOf } from '../door/answer.ts';
import type { MountedInspector } from '../inspector/mount.ts';
import type { MetricsSource } from './adminOptions.ts';
import { type ApiOptions, answerApi, isOfApi } from './api.ts';
import type { Audit } from './audit.ts';
import { type Health, isQuestion, type Question } from './health.ts';
import { type RefusalName, refuse, sendJson } from './refusals.ts';

/** How long the metrics may take, in ms. */
const METRICS_WITHIN = 5_000;

/** Where the inspector's page is mounted. */
export const PAGE_PATH = '/inspector/';

export interface DeskOptions {
  readonly access: Access;
  readonly audit: Audit;
  readonly health: Health;
  readonly api: ApiOptions;
  readonly metrics: MetricsSource | undefined;
  readonly page: MountedInspector | undefined;
}

export class Desk {
  readonly #options: DeskOptions;

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      prepare(req, res);
      await this.#answer(req, res, targetOf(req));
    } catch (error) {
      this.#options.audit.failed('A request to the admin failed unexpectedly', error);
      if (res.headersSent) res.destroy();
      else refuse(res, 'failed');
    }
  }

  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { pathname } = targetOf(req);
    const { page } = this.#options;
    if (page !== undefined && pathname.startsWith(PAGE_PATH)) {
      return page.upgrade(req, socket, head, pathname.slice(PAGE_PATH.length - 1));
    }
    socket.on('error', () => {});
    refuseUpgrade(socket, 404);
  }

  async #answer(req: IncomingMessage, res: ServerResponse, target: URL): Promise<void> {
    const { access, api, metrics, page } = this.#options;
    const { pathname } = target;
    if (isQuestion(pathname)) return this.#tellHealth(req, res, pathname);
    if (page !== undefined && pathname.startsWith(PAGE_PATH)) {
      return page.answer(req, res, pathname.slice(PAGE_PATH.length - 1));
    }
    if (!access.knowsHost(req)) return this.#refuse(req, res, 'hostNotAllowed');
    if (!access.knowsOrigin(req)) return this.#refuse(req, res, 'originNotAllowed');
    if (isOfApi(pathname)) {
      if (!access.hasCredentials(req)) return this.#refuse(req, res, 'noToken');
      return answerApi(api, { req, res }, target);
    }
    if (page !== undefined && `${pathname}/` === PAGE_PATH) {
      res.setHeader('Location', `.${PAGE_PATH}${target.search}`);
      return sendText(res, 308, 'The page is below this.\n');
    }
    if (metrics === undefined || pathname !== '/metrics') return refuse(res, 'notFound');
    if (this.#isRead(req, res)) send(res, metrics.contentType, await textOf(metrics));
  }

  /** Probes come by whatever name or address they like: what they are told is one word. */
  async #tellHealth(req: IncomingMessage, res: ServerResponse, question: Question): Promise<void> {
    if (!this.#isRead(req, res)) return;
    const { health, access } = this.#options;
    const { ok, detail } = await health.ask(question);
    const status = ok ? 200 : 503;
    if (access.hasCredentials(req)) sendJson(res, status, detail);
    else sendText(res, status, ok ? 'ok\n' : 'not ok\n');
  }

  #isRead({ method }: IncomingMessage, res: ServerResponse): boolean {
    if (method === 'GET' || method === 'HEAD') return true;
    res.setHeader('Allow', 'GET, HEAD');
    refuse(res, 'methodNotAllowed');
    return false;
  }

  #refuse(req: IncomingMessage, res: ServerResponse, refusal: RefusalName): void {
    this.#options.audit.refused(req, refusal);
    refuse(res, refusal);
  }
}

/** Rejects when it takes too long: who asks may be anybody, and each of them has a connection of few. */
async function textOf(metrics: MetricsSource): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`The metrics did not come within ${METRICS_WITHIN} ms`);
    timer = setTimeout(reject, METRICS_WITHIN, error);
  });
  try {
    return await Promise.race([metrics.text(), late]);
  } finally {
    clearTimeout(timer);
  }
}
