-- Adds entries, all or none, after what records_ended.lua does.
--
-- ARGV  life in ms (-1: they stay), then key and data of each.
-- Gives the last id.

local life_ms = tonumber(ARGV[1])

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
