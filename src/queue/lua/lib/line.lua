-- Who waits where: wait list, priorities, delays and the markers that wake sleepers.
-- include lib/events.lua

-- Scores pass 2^47; Lua's own number to text conversion keeps 14 digits only.
local function whole(number)
  return string.format('%.0f', number)
end

-- While a BullMQ 5 client has paused the queue, its resume renames `paused` over `wait`: an id
-- pushed to `wait` meanwhile would be lost. mode: auto, v5 or v6.
local function wait_key(b, mode)
  if mode ~= 'v6' and call('HEXISTS', b .. 'meta', 'paused') == 1 then
    local version = call('HGET', b .. 'meta', 'version') or ''
    local major = tonumber(string.match(version, '^bullmq:(%d+)'))
    if mode == 'v5' or (major and major < 6) or call('EXISTS', b .. 'paused') == 1 then
      return b .. 'paused'
    end
  end
  return b .. 'wait'
end

local function is_blocked(b)
  local meta = call('HMGET', b .. 'meta', 'paused', 'concurrency')
  if meta[1] then
    return true
  end
  local most = tonumber(meta[2] or nil)
  return most ~= nil and call('LLEN', b .. 'active') >= most
end

local function wake(b)
  if not is_blocked(b) then
    call('ZADD', b .. 'marker', 0, '0')
  end
end

local function next_due(b)
  local first = call('ZRANGE', b .. 'delayed', 0, 0, 'WITHSCORES')
  if first[1] then
    return math.floor(tonumber(first[2]) / 4096)
  end
  return nil
end

local function mark_delay(b)
  local due = next_due(b)
  if due then
    call('ZADD', b .. 'marker', whole(due), '1')
  end
end

local function add_prioritized(b, id, priority)
  local counter = call('INCR', b .. 'pc')
  call('ZADD', b .. 'prioritized', whole(priority * 4294967296 + counter % 4294967296), id)
end

local function enqueue(b, id, priority, is_front, mode)
  if priority > 0 then
    add_prioritized(b, id, priority)
  else
    call(is_front and 'RPUSH' or 'LPUSH', wait_key(b, mode), id)
  end
  wake(b)
end

-- Jobs due in the same millisecond keep their order in the low 12 bits. Returns the due time.
local function add_delayed(b, id, now, delay)
  local due = delay > 0 and now + delay or now
  local low, high = due * 4096, (due + 1) * 4096 - 1
  local last = call('ZREVRANGEBYSCORE', b .. 'delayed', whole(high), whole(low), 'WITHSCORES',
                    'LIMIT', 0, 1)
  local score = last[1] and math.min(tonumber(last[2]) + 1, high) or low
  call('ZADD', b .. 'delayed', whole(score), id)
  return due
end

local function priority_of(b, id)
  return tonumber(call('HGET', b .. id, 'priority') or 0) or 0
end

local function promote_due(b, now, mode)
  local ids = call('ZRANGEBYSCORE', b .. 'delayed', 0, whole((now + 1) * 4096 - 1), 'LIMIT', 0, 1000)
  if #ids == 0 then
    return
  end
  call('ZREM', b .. 'delayed', unpack(ids))
  for _, id in ipairs(ids) do
    local priority = priority_of(b, id)
    if priority > 0 then
      add_prioritized(b, id, priority)
    else
      call('LPUSH', wait_key(b, mode), id)
    end
    emit(b, 'waiting', 'jobId', id, 'prev', 'delayed')
    call('HSET', b .. id, 'delay', 0)
  end
  wake(b)
end
