-- Reads entries, after what records_ended.lua does.
--
-- ARGV  after, limit, 1 for the newest, and the key, where one is asked for.
-- Gives entries as XRANGE does, in the order that they were found in.

local after, limit, newest, key = ARGV[1], tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4]
local found = {}

local function add(entry)
  local id = string.match(entry[1], '%d+')
  local until_ = #ended == MOST_ENDED and redis.call('ZSCORE', ends, id)
  if not until_ or tonumber(until_) > now then
    found[#found + 1] = entry
  end
  return tonumber(id)
end

-- Steps of as much as is still missing, until there is enough or nothing more.
local low, high = tonumber(after) + 1, math.huge
local function bound(id, format, none)
  return id == math.huge and none or string.format(format, id)
end

while #found < limit do
  local step = math.min(limit - #found, 1000)
  local read, last = 0, nil
  if key then
    local prefix = '[' .. #key .. ':' .. key .. ':'
    local from, to = prefix .. bound(low, '%020.0f'), prefix .. bound(high, '%020.0f', '~')
    local names = newest and redis.call('ZREVRANGEBYLEX', keys, to, from, 'LIMIT', 0, step)
      or redis.call('ZRANGEBYLEX', keys, from, to, 'LIMIT', 0, step)
    for _, name in ipairs(names) do
      last = tonumber(string.sub(name, -20))
      local id = string.format('%.0f', last)
      add(redis.call('XRANGE', stream, id, id)[1])
    end
    read = #names
  else
    local from, to = bound(low, '%.0f'), bound(high, '%.0f', '+')
    local entries = newest and redis.call('XREVRANGE', stream, to, from, 'COUNT', step)
      or redis.call('XRANGE', stream, from, to, 'COUNT', step)
    for _, entry in ipairs(entries) do
      last = add(entry)
    end
    read = #entries
  end
  if read < step then
    break
  elseif newest then
    high = last - 1
  else
    low = last + 1
  end
end
return found
