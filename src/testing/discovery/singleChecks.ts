/** What is tested once, beside the paths: ids that are missing or unknown, and a GET stream that is all there is. */

import type { Driver } from '../paths/driver.ts';
import { ModelClient, within } from '../paths/modelClient.ts';
import { Violation } from '../paths/rules.ts';
import type { Finding } from './discovery.ts';

type Check = (client: ModelClient, driver: Driver) => Promise<void>;

/** Checks each in a session of its own. */
export async function checkOnce(driver: Driver): Promise<Finding[]> {
  const checks: Check[] = [missingId, unknownId];
  // A strict driver's paths expect a stream to keep its session; others only want to know.
  const isTimed = driver.timeouts.sessionIdleTimeout !== null;
  if (driver.strict === false && driver.streams && isTimed) checks.push(streamAlone);
  const findings = checks.map(async (check, index) => {
    const client = new ModelClient(driver, `model-check-${index}`);
    let id: string | undefined;
    try {
      await client.initialized();
      id = client.sessionId;
      await client.acknowledge();
      await check(client, driver);
      return [];
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return [{ rule: error.rule, got: error.got, actions: client.history }];
    } finally {
      client.sessionId = id;
      if (id !== undefined) await client.remove();
    }
  });
  return (await Promise.all(findings)).flat();
}

async function missingId(client: ModelClient): Promise<void> {
  client.sessionId = undefined;
  client.note('without a session id:');
  const ping = await client.ping();
  const { status = 0 } = ping;
  const isServed = status >= 200 && status <= 299;
  if (status !== 400 && !isServed) throw new Violation('idRequired', `${ping.what}: ${ping.describe()}`);
}

async function unknownId(client: ModelClient): Promise<void> {
  const id = client.sessionId ?? '';
  // It looks like one of this server's: only its last letter or digit is another.
  client.sessionId = id.replace(/([0-9a-z])([^0-9a-z]*)$/i, (_, last, rest) => `${last === '0' ? '1' : '0'}${rest}`);
  client.note('with an id that no session has:');
  await client.expectGone('unknownIsNotFound');
}

async function streamAlone(client: ModelClient, driver: Driver): Promise<void> {
  const stream = await client.openStream();
  // That it is none is found on the paths.
  if (!stream.isStream) return stream.hangUp();
  const time = 1.5 * (driver.timeouts.sessionIdleTimeout ?? 0) + driver.grace;
  client.note(`up to ${time} ms pass`);
  await within(stream.ended, time);
  const ping = await client.ping();
  const isKept = !stream.isEnded && ping.status === 200;
  const got = `GET: ${stream.describe()}; ${ping.what}: ${ping.describe()}`;
  stream.hangUp();
  if (!isKept) throw new Violation('streamHolds', got);
}
