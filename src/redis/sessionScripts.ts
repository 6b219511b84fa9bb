/**
 * What is done to the record of a session, as scripts: each is one step of Redis, and looks at the epoch before it writes.
 * A record is a hash. Its field `v` is how the session stands, in lines, which scripts read and change; `r` is what never
 * changes, `u`, `y` and `s` are subscriptions, history and state, where there are some. A session that was removed leaves
 * a tombstone for a day: a `v` that begins with a hyphen. `KEYS[2]` are its events, which live and go with it; those scripts
 * that need not see them are not given them, since a cluster that moves a slot can't run one that names a key which is not
 * there.
 */
import { RECORD_FORMAT, RECORD_LIMITS } from '../stores/sessionRecord.ts';
import { Script } from './redisStores.ts';

/** How long a record outlives its deadline, and one that has none its last write, in ms; and a removed one is known. */
export const GRACE = 60_000;
export const UNUSED_TIME = 30 * 24 * 3_600_000;
export const TOMBSTONE_TIME = 24 * 3_600_000;

/** The lines of `v`. */
export const LINES = [
  'format',
  'epoch',
  'writes',
  'nonce',
  'parkedAt',
  'owner',
  'initialized',
  'logLevel',
  'lastActiveAt',
  'idleDeadline',
  'lifetimeDeadline',
] as const;

/**
 * The first write of a script is one that Redis refuses where it has no memory left, except in a removal and in a claim, which
 * needs none: after the first it takes them all.
 * In every script `ARGV[1]` says whether the server has to tell of itself where it does not have the session.
 */
const OPEN = `
local v = redis.call('HGET', KEYS[1], 'v')
local line = {}
local function split()
  for text in string.gmatch(v .. '\\n', '(.-)\\n') do line[#line + 1] = text end
end
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function whole(number) return string.format('%.0f', number) end
local function absent()
  return {'absent', ARGV[1] == '1' and redis.call('INFO', 'server') or ''}
end
local function keep()
  local now, idle, life = clock(), tonumber(line[10]), tonumber(line[11])
  local at = now + ${UNUSED_TIME}
  if idle or life then at = math.max(math.min(idle or life, life or idle), now) + ${GRACE} end
  redis.call('PEXPIREAT', KEYS[1], whole(at))
  if KEYS[2] then redis.call('PEXPIREAT', KEYS[2], whole(at)) end
end
`;

/** What holds of every session that is there. */
const THERE = `${OPEN}
if not v then return absent() end
if string.sub(v, 1, 1) == '-' then return {'gone', v} end
split()
`;

/** ARGV: flag, v, r, u, y, s. */
export const CREATE = new Script(`${OPEN}
if v then
  split()
  local own = string.match(ARGV[2], '^[^\\n]*\\n[^\\n]*\\n[^\\n]*\\n([^\\n]*)')
  return {line[4] == own and 'created' or 'exists'}
end
redis.call('HSET', KEYS[1], 'v', ARGV[2], 'r', ARGV[3])
for n, name in ipairs({'u', 'y', 's'}) do
  if ARGV[3 + n] ~= '' then redis.call('HSET', KEYS[1], name, ARGV[3 + n]) end
end
v = ARGV[2]
split()
keep()
return {'created'}
`);

/** ARGV: flag. */
export const LOAD = new Script(`${THERE}
return {'found', redis.call('HGETALL', KEYS[1])}
`);

/** ARGV: flag, nonce, the epoch that was seen, owner. */
export const CLAIM = new Script(`${THERE}
if line[1] ~= '${RECORD_FORMAT}' then return {'unreadable', redis.call('HGETALL', KEYS[1])} end
if line[4] ~= ARGV[2] then
  if line[2] ~= ARGV[3] then return {'fenced'} end
  line[2] = whole(math.max(tonumber(line[2]) + 1, clock()))
  line[3], line[4], line[5], line[6] = '0', ARGV[2], 'null', ARGV[4]
  keep()
  redis.call('HSET', KEYS[1], 'v', table.concat(line, '\\n'))
end
return {'claimed', redis.call('HGETALL', KEYS[1])}
`);

/**
 * ARGV: flag, epoch, number of the write, parkedAt, initialized, logLevel, lastActiveAt, idleDeadline, u, y, s; what is
 * empty stays as it is. The writes of an epoch are numbered, so that one that its writer has given up, and that arrives
 * late, does not undo those after it.
 */
export const WRITE = new Script(`${THERE}
if line[1] ~= '${RECORD_FORMAT}' or line[2] ~= ARGV[2] then return {'fenced'} end
if tonumber(ARGV[3]) <= tonumber(line[3]) then return {'late', line[3]} end
line[3] = ARGV[3]
if ARGV[4] ~= '' then line[5], line[6] = ARGV[4], '' end
for n = 1, 4 do
  if ARGV[4 + n] ~= '' then line[6 + n] = ARGV[4 + n] end
end
local written = {'v', table.concat(line, '\\n')}
local size = #written[2] + redis.call('HSTRLEN', KEYS[1], 'r')
for n, name in ipairs({'u', 'y', 's'}) do
  local text = ARGV[8 + n]
  if text == '' then
    size = size + redis.call('HSTRLEN', KEYS[1], name)
  else
    size = size + #text
    written[#written + 1] = name
    written[#written + 1] = text
  end
end
if size > ${RECORD_LIMITS.bytes} then return {'tooLarge', tostring(size)} end
redis.call('HSET', KEYS[1], unpack(written))
keep()
return {'written'}
`);

/** ARGV: flag, nonce, epoch. */
export const REMOVE = new Script(`${OPEN}
if not v then return absent() end
if string.sub(v, 1, 1) == '-' then return {v == '-' .. ARGV[2] and 'removed' or 'gone'} end
split()
local format = tonumber(line[1]) or 0
if format > ${RECORD_FORMAT} or (format == ${RECORD_FORMAT} and line[2] ~= ARGV[3]) then return {'fenced'} end
redis.call('UNLINK', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'v', '-' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ${TOMBSTONE_TIME})
return {'removed'}
`);
