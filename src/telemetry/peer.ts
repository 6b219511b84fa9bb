/** The package `@opentelemetry/api`, an optional peer: who has no OpenTelemetry needs none of it. */
import type * as Api from '@opentelemetry/api';
import { SupervisorError } from '../index.ts';

export type OpenTelemetry = Pick<
  typeof Api,
  'context' | 'metrics' | 'propagation' | 'ROOT_CONTEXT' | 'SpanKind' | 'SpanStatusCode' | 'trace'
>;

const load = (): Promise<OpenTelemetry> => import('@opentelemetry/api');

/** @throws {SupervisorError} `PACKAGE_MISSING` where it is not installed. */
export async function loadOpenTelemetry(loading = load): Promise<OpenTelemetry> {
  try {
    return await loading();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    const message = 'instrument needs the package @opentelemetry/api: npm i @opentelemetry/api';
    throw new SupervisorError('PACKAGE_MISSING', message, { cause });
  }
}
