// @ts-check
// What stands at the side of each page, in this order. A page of docs/ that is not here, or is here and not in docs/, fails a
// test (test/docs/site.test.ts); so a new page takes a line here and nothing else. Names are paths below docs/, without `.md`.

/**
 * @typedef {object} Section
 * @property {string} text
 * @property {readonly (readonly [page: string, text: string])[]} pages
 */

/** @type {readonly Section[]} */
export const NAVIGATION = [
  {
    text: 'Start here',
    pages: [
      ['start', 'Your first server'],
      ['sessions', 'The life of a session'],
      ['eras', 'Revisions: both eras of MCP'],
      ['command', 'The command'],
      ['questions', 'Questions'],
    ],
  },
  {
    text: 'Guides',
    pages: [
      ['hosts', 'Embed it on your host'],
      ['authentication', 'Authentication'],
      ['users', 'Several users'],
      ['notify', 'Notify sessions'],
      ['handles', 'State of your own: handles'],
      ['resumption', 'Resumption'],
      ['restarts', 'Surviving restarts'],
      ['redis', 'Stores in Redis'],
      ['cluster', 'Several nodes'],
      ['stdio', 'Servers that speak stdio'],
      ['testing', 'Test it by its statechart'],
      ['inspecting', 'Watch the sessions live'],
      ['limits', 'Limits and sizing'],
    ],
  },
  {
    text: 'Coming from',
    pages: [
      ['migration/sdk', "The SDK's example with a Map"],
      ['migration/mcp-proxy', 'mcp-proxy'],
      ['migration/supergateway', 'supergateway'],
      ['migration/fastmcp', 'FastMCP'],
      ['migration/python', "Python's session manager"],
    ],
  },
  {
    text: 'Operations',
    pages: [['deploying', 'Deploy without losing anybody']],
  },
  {
    text: 'When something is wrong',
    pages: [
      ['errors', 'Every error'],
      ['logs', 'Every log event'],
    ],
  },
  {
    text: 'Reference',
    pages: [
      ['options', 'Options'],
      ['wire', 'On the wire'],
      ['clients', 'Clients over a restart'],
      ['model-test-report', 'Other servers, tested'],
      ['stdio-report', 'Other gateways, tested'],
      ['dependencies', 'Dependencies'],
    ],
  },
];
