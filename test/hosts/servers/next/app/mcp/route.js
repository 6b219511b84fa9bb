// Next.js: a route handler of the app router, `app/mcp/route.js`.
import { supervisor } from '../../../supervisor.js';

export const dynamic = 'force-dynamic';

const answer = (request) => supervisor.fetch(request);

export { answer as DELETE, answer as GET, answer as OPTIONS, answer as POST };
