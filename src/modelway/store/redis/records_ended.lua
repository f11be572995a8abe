-- Begins the two scripts of records: takes out what has ended, of which there may be more.
--
-- KEYS  the stream; the sorted set of its ids by key, "key's length:key:id", all of one score, so that
--       they are in that order; the sorted set of when ids end; the stream's last id and time.

local stream, keys, ends, state = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local MOST_ENDED = 1000 + #ARGV

local function named(key, id)
  return #key .. ':' .. key .. ':' .. string.format('%020.0f', id)
end

local ended = redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, MOST_ENDED)
for _, id in ipairs(ended) do
  local entry = redis.call('XRANGE', stream, id, id)[1]
  if entry then
    redis.call('ZREM', keys, named(entry[2][2], tonumber(id)))
    redis.call('XDEL', stream, id)
  end
  redis.call('ZREM', ends, id)
end
