/**
 * The package `redis`, an optional peer. It is loaded when the stores connect, so that whoever imports them without it
 * hears what to do about that.
 */
import type { createClient, createCluster } from 'redis';
import { SupervisorError } from '../errors.ts';

/** What is used of it. */
export interface Redis {
  readonly createClient: typeof createClient;
  readonly createCluster: typeof createCluster;
}

/** @throws {SupervisorError} `PACKAGE_MISSING` where it is not installed; `STORE_FAILED` where it can't be loaded. */
export async function loadRedis(): Promise<Redis> {
  try {
    return await import('redis');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') {
      throw new SupervisorError('PACKAGE_MISSING', 'Stores in Redis need the package redis: npm i redis', { cause });
    }
    throw new SupervisorError('STORE_FAILED', 'Stores in Redis need the package redis, which could not be loaded', {
      cause,
    });
  }
}
