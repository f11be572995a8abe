-- Adds entries, all or none, after what has ended was taken out.
--
-- KEYS  the stream; the sorted set of its ids by key, "key's length:key:id", all of one score, so that
--       they are in that order; the sorted set of when ids end; the stream's last id and time.
-- ARGV  life in ms (-1: they stay), then key and data of each.
-- Gives the last id.

local stream, keys, ends, state = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local life_ms = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function named(key, id)
  return string.format('%d:', #key) .. key .. string.format(':%020.0f', id)
end

local ended = redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 1000 + #ARGV)
for _, id in ipairs(ended) do
  local entry = redis.call('XRANGE', stream, id, id)[1]
  if entry then
    redis.call('ZREM', keys, named(entry[2][2], tonumber(id)))
    redis.call('XDEL', stream, id)
  end
  redis.call('ZREM', ends, id)
end

-- An id is the time, or one more than the last: so it grows even where all was lost.
local known = redis.call('HMGET', state, 'last', 'time')
local last = tonumber(known[1] or 0)
local id, at_time = math.max(last, now - 1), math.max(tonumber(known[2] or 0), now)
for at = 2, #ARGV, 2 do
  id = id + 1
  local text = string.format('%.0f', id)
  redis.call('XADD', stream, text .. '-0', 'key', ARGV[at], 'time', at_time, 'data', ARGV[at + 1])
  redis.call('ZADD', keys, 0, named(ARGV[at], id))
  if life_ms >= 0 then
    redis.call('ZADD', ends, now + life_ms * 1000, text)
  end
end
if #ARGV == 1 then
  return last
end
redis.call('HSET', state, 'last', id, 'time', at_time)

-- A stream of which nothing stays ends with its last entry.
if life_ms < 0 then
  redis.call('HSET', state, 'stays', 1)
  for _, key in ipairs(KEYS) do
    redis.call('PERSIST', key)
  end
elseif not redis.call('HGET', state, 'stays') then
  local longest_ms = math.max(life_ms + 1000, redis.call('PTTL', state))
  for _, key in ipairs(KEYS) do
    redis.call('PEXPIRE', key, longest_ms)
  end
end
return id
