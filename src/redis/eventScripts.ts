/**
 * What is done to the events of a session, as scripts. They are one Redis stream, whose entries have one field each: the
 * id of the MCP stream, and the message. `KEYS[1]` is the session's record, if there is one: nobody may write who has lost
 * the session, and nobody at all when it has ended. Without a record nothing is checked.
 */
import { Script } from './redisStores.ts';
import { UNUSED_TIME } from './sessionScripts.ts';

/** Events of one session; some more may be there, until Redis can drop a block of them. */
export const MAX_EVENTS = 1_000;
/** What the events of one session take in Redis at most, in bytes. One that is larger is not kept, nor what was before. */
export const MAX_EVENT_BYTES = 8 * 1024 * 1024;
/** How long the events of a session without a record are kept after the last one, in ms. */
const UNRECORDED_TIME = 24 * 3_600_000;

/** From this size on each message is a reason to look at what they take; of smaller ones each sixteenth. */
const LARGE = 4_096;
const SMALL_ONES = 16;

const SESSION = `
local v = redis.call('HGET', KEYS[1], 'v')
local epoch = v and string.match(v, '^%d+\\n(%d+)')
`;

/** ARGV: the writer's epoch or nothing, the stream, the message or nothing where it is too large. */
export const APPEND = new Script(`${SESSION}
if v and string.sub(v, 1, 1) == '-' then return {'gone'} end
if epoch and ARGV[1] ~= '' and tonumber(epoch) > tonumber(ARGV[1]) then return {'fenced'} end
local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ${MAX_EVENTS}, '*', ARGV[2], ARGV[3])
local count = redis.call('XLEN', KEYS[2])
if ARGV[3] == '' then
  redis.call('XTRIM', KEYS[2], 'MAXLEN', 0)
elseif #ARGV[3] > ${LARGE} or count % ${SMALL_ONES} == 0 then
  while count > 1 and redis.call('MEMORY', 'USAGE', KEYS[2]) > ${MAX_EVENT_BYTES} do
    count = math.floor(count / 2)
    redis.call('XTRIM', KEYS[2], 'MAXLEN', count)
  end
end
local left = v and redis.call('PTTL', KEYS[1]) or ${UNRECORDED_TIME}
redis.call('PEXPIRE', KEYS[2], left > 0 and left or ${UNUSED_TIME})
return {'stored', id}
`);

/** ARGV: the epoch at which this process has the session, or nothing. */
export const FORGET = new Script(`${SESSION}
if epoch and ARGV[1] ~= '' and epoch ~= ARGV[1] then return {'fenced'} end
redis.call('UNLINK', KEYS[2])
return {'forgotten'}
`);
