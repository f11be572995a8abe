-- Settles, takes and renews in one step.
--
-- KEYS  the pool's hash: its total, its clock, and "high:low" of each grant (by its id) and of what
--       was used (by "u" and the end of its bucket); and the sorted set of when each of these ends.
-- ARGV  limit high, limit low, window, bucket, life, want high, want low, least high, least low,
--       share, count; then grant, used high, used low, ago of each settled; then grants to renew.
-- Gives grant, amount high, amount low, left high, left low, wait, and the grants that were renewed.
--
-- Times are in microseconds. A number of Lua's is a double, exact up to 2^53; amounts go beyond, so
-- each is two numbers, high * 2^31 + low, and sums are brought into that form before they are compared.

local BASE = 2147483648
local CHUNK = 500 -- fewer than what unpack() can put on Lua's stack
local SLACK = 60000000

local pool, ends = KEYS[1], KEYS[2]
local limit_high, limit_low = tonumber(ARGV[1]), tonumber(ARGV[2])
local window, bucket, life = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local want_high, want_low = tonumber(ARGV[6]), tonumber(ARGV[7])
local least_high, least_low = tonumber(ARGV[8]), tonumber(ARGV[9])
local share, settled = tonumber(ARGV[10]), tonumber(ARGV[11])

local function carried(high, low)
  local rest = low % BASE
  return high + (low - rest) / BASE, rest
end

local function less(high, low, other_high, other_low)
  return high < other_high or (high == other_high and low < other_low)
end

local function quotient(high, low, divisor)
  local rest = high % divisor
  local below = rest * BASE + low
  return (high - rest) / divisor, (below - below % divisor) / divisor
end

local function written(high, low)
  return string.format('%.0f:%.0f', high, low)
end

local function read(text)
  local high, low = string.match(text or '0:0', '^(-?%d+):(%d+)$')
  return tonumber(high), tonumber(low)
end

-- The pool's own clock: the server's, and where that was set back, on from the last time seen.
local kept = redis.call('HMGET', pool, 'total', 'seen', 'offset', 'grant', 'lasts')
local time = redis.call('TIME')
local seen, offset = tonumber(kept[2] or 0), tonumber(kept[3] or 0)
local now = time[1] * 1000000 + time[2] + offset
local changed = now < seen
if changed then
  offset = offset + seen - now
  now = seen
end

local total_high, total_low = 0, 0
if kept[1] then
  total_high, total_low = read(kept[1])
end
local last_grant = tonumber(kept[4] or 0)
local lasts, latest, added = tonumber(kept[5] or 0), 0, 0

local function count(text, sign)
  local high, low = read(text)
  total_high, total_low = carried(total_high + sign * high, total_low + sign * low)
end

local function last_until(name, until_)
  added = added + redis.call('ZADD', ends, until_, name)
  latest = math.max(latest, until_)
  changed = true
end

local function keep(name, high, low, until_)
  redis.call('HSET', pool, name, written(high, low))
  last_until(name, until_)
  total_high, total_low = carried(total_high + high, total_low + low)
end

local function forget(names)
  redis.call('HDEL', pool, unpack(names))
  redis.call('ZREM', ends, unpack(names))
  changed = true
end

-- What no longer counts.
repeat
  local ended = redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, CHUNK)
  if #ended > 0 then
    for _, text in ipairs(redis.call('HMGET', pool, unpack(ended))) do
      count(text, -1)
    end
    forget(ended)
  end
until #ended < CHUNK

-- What became of grants.
for at = 12, 8 + 4 * settled, 4 do
  local grant = ARGV[at]
  local held = redis.call('HGET', pool, grant)
  if held then
    count(held, -1)
    forget({ grant })
    local high, low, ago = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    local until_ = now - ago + window
    if until_ < math.huge and window > 0 then
      until_ = until_ + (bucket - until_ % bucket) % bucket
    end
    if until_ > now and less(0, 0, high, low) then
      local name = string.format('u%.0f', until_)
      local before = redis.call('HGET', pool, name)
      if before then
        count(before, -1)
        local before_high, before_low = read(before)
        high, low = carried(high + before_high, low + before_low)
      end
      keep(name, high, low, until_)
    end
  end
end

-- What is left, and a part of it.
local left_high, left_low = carried(limit_high - total_high, limit_low - total_low)
local grant, high, low, wait = 0, 0, 0, 0
if less(left_high, left_low, least_high, least_low) then
  local missing_high, missing_low = carried(least_high - left_high, least_low - left_low)
  local first, step, freed_high, freed_low = 0, 10, 0, 0
  wait = -1
  repeat
    local names, untils = {}, {}
    local following = redis.call('ZRANGE', ends, first, first + step - 1, 'WITHSCORES')
    for at = 1, #following, 2 do
      names[#names + 1], untils[#untils + 1] = following[at], tonumber(following[at + 1])
    end
    local texts = #names > 0 and redis.call('HMGET', pool, unpack(names)) or {}
    for at, text in ipairs(texts) do
      if untils[at] == math.huge then
        break
      end
      local freed, freed_rest = read(text)
      freed_high, freed_low = carried(freed_high + freed, freed_low + freed_rest)
      if not less(freed_high, freed_low, missing_high, missing_low) then
        wait = untils[at] - now
        break
      end
    end
    local more = #names == step and untils[#untils] < math.huge
    first, step = first + step, math.min(2 * step, CHUNK)
  until wait >= 0 or not more
elseif less(0, 0, want_high, want_low) then
  high, low = quotient(left_high, left_low, share)
  if less(high, low, least_high, least_low) then
    high, low = least_high, least_low
  end
  if less(want_high, want_low, high, low) then
    high, low = want_high, want_low
  end
  if less(0, 0, high, low) then
    grant = math.max(now, last_grant + 1) -- unlike any of a state that was lost
    last_grant = grant
    keep(string.format('%.0f', grant), high, low, now + life + window)
    left_high, left_low = carried(left_high - high, left_low - low)
  end
end

local answer = { grant, high, low, left_high, left_low, wait }
for at = 12 + 4 * settled, #ARGV do
  if redis.call('HEXISTS', pool, ARGV[at]) == 1 then
    last_until(ARGV[at], now + life + window)
    answer[#answer + 1] = ARGV[at]
  end
end

if changed then
  -- The keys last for as long as anything in them counts.
  local nothing = total_high == 0 and total_low == 0
  local anew = added > 0 and added == redis.call('ZCARD', ends)
  if anew or latest > lasts or (nothing and lasts == math.huge) then
    lasts = (nothing and now or math.max(latest, lasts - SLACK)) + SLACK
    for _, key in ipairs(KEYS) do
      if lasts == math.huge then
        redis.call('PERSIST', key)
      else
        redis.call('PEXPIRE', key, math.ceil((lasts - now) / 1000))
      end
    end
  end
  redis.call('HSET', pool, 'total', written(total_high, total_low),
    'seen', now, 'offset', offset, 'grant', last_grant, 'lasts', lasts)
end
return answer
