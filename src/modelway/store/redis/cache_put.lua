-- Keeps a value, and throws the oldest out while there are too many bytes.
--
-- KEYS  the value's; the sorted set of all values' keys by when they were put; the hash of their
--       sizes, whose field "" is the sum.
-- ARGV  the value, its life in ms (0: it goes), its size, the most bytes in all.

local value, order, sizes = KEYS[1], KEYS[2], KEYS[3]
local life_ms, size, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local total = tonumber(redis.call('HGET', sizes, '') or 0)

local function forget(key)
  total = total - tonumber(redis.call('HGET', sizes, key) or 0)
  redis.call('HDEL', sizes, key)
  redis.call('ZREM', order, key)
end

if life_ms > 0 and size <= most then
  redis.call('SET', value, ARGV[1], 'PX', life_ms) -- first: a server without memory refuses it
  forget(value)
  while total + size > most do
    local oldest = redis.call('ZRANGE', order, 0, 0)[1]
    if not oldest then
      total = 0
      break
    end
    redis.call('DEL', oldest) -- in the same slot as the others
    forget(oldest)
  end
  local time = redis.call('TIME')
  redis.call('ZADD', order, time[1] * 1000000 + time[2], value)
  redis.call('HSET', sizes, value, size)
  total = total + size
else
  redis.call('DEL', value)
  forget(value)
end
redis.call('HSET', sizes, '', total)
-- The index goes with the last of the values.
local index_ms = math.max(life_ms, redis.call('PTTL', sizes))
redis.call('PEXPIRE', sizes, index_ms)
redis.call('PEXPIRE', order, index_ms)
