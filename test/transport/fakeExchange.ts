/** An exchange whose peer takes what the test says, of a request of which nothing is known. */
import type { Exchange } from '../../src/transport/exchange.ts';
import { FakeReply } from './fakeReply.ts';

export class FakeExchange extends FakeReply implements Exchange {
  readonly method = 'GET';
  readonly headers = {};
  readonly hosts = ['127.0.0.1'];
  readonly parsedBody = undefined;
  readonly authInfo = undefined;
  readonly requestInfo = { headers: {}, url: new URL('http://127.0.0.1/mcp') };
  readonly request = new Request('http://127.0.0.1/mcp');

  async readBody(): Promise<{ failure: 'bodyAborted' }> {
    return { failure: 'bodyAborted' };
  }
}
