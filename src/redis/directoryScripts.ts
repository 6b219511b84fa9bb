/**
 * The directory as scripts: a hash with the last life of each node, by its name. A life is when its lease runs out, by
 * Redis' clock, what told its join from another, its id, and itself as JSON, in lines.
 */
import { MAX_LIVES } from '../stores/directory.ts';
import { Script } from './redisStores.ts';

/** With each life that joins, so many others are looked at, and dropped where they are over. */
const LOOKED_AT = 16;

/**
 * The first write of a lease is one that Redis takes although it has no memory left, and after the first it takes them all:
 * else no node would live where Redis is full, and nobody could so much as end a session.
 * In every script `ARGV[1]` says whether the server has to tell of itself where it does not know a life. */
const OPEN = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function living(held)
  if not held then return nil end
  local over, nonce, id, life = string.match(held, '^(%d+)\\n([^\\n]*)\\n([^\\n]*)\\n(.*)$')
  if over and tonumber(over) > now then return {nonce = nonce, id = id, life = life} end
end
local function lease(node, life, length)
  local over = string.format('%.0f', now + tonumber(length))
  local left = redis.call('PTTL', KEYS[1])
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(left, tonumber(length))))
  redis.call('HSET', KEYS[1], node, table.concat({over, life.nonce, life.id, life.life}, '\\n'))
  if left == -2 then redis.call('PEXPIRE', KEYS[1], length) end
end
local function absent()
  return {'absent', ARGV[1] == '1' and redis.call('INFO', 'server') or ''}
end
`;

/** ARGV: flag, nonce, node, id, life as JSON, lease time. */
export const JOIN = new Script(`${OPEN}
local held = living(redis.call('HGET', KEYS[1], ARGV[3]))
if held then return {held.nonce == ARGV[2] and 'joined' or 'taken'} end
for _, node in ipairs(redis.call('HRANDFIELD', KEYS[1], ${LOOKED_AT})) do
  if not living(redis.call('HGET', KEYS[1], node)) then redis.call('HDEL', KEYS[1], node) end
end
lease(ARGV[3], {nonce = ARGV[2], id = ARGV[4], life = ARGV[5]}, ARGV[6])
return {'joined'}
`);

/** ARGV: flag, node, id, lease time. */
export const RENEW = new Script(`${OPEN}
local held = living(redis.call('HGET', KEYS[1], ARGV[2]))
if not held or held.id ~= ARGV[3] then return {'gone'} end
lease(ARGV[2], held, ARGV[4])
return {'renewed'}
`);

/** ARGV: flag, node, id. */
export const LEAVE = new Script(`${OPEN}
local held = living(redis.call('HGET', KEYS[1], ARGV[2]))
if held and held.id == ARGV[3] then redis.call('HDEL', KEYS[1], ARGV[2]) end
return {'left'}
`);

/** ARGV: flag, node. */
export const NAMED = new Script(`${OPEN}
local held = living(redis.call('HGET', KEYS[1], ARGV[2]))
if not held then return absent() end
return {'found', held.life}
`);

export const LIVES = new Script(`${OPEN}
local lives = {}
for _, text in ipairs(redis.call('HVALS', KEYS[1])) do
  local held = living(text)
  if held and #lives < ${MAX_LIVES} then lives[#lives + 1] = held.life end
end
return lives
`);
