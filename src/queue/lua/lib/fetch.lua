-- Makes the next job active under a lock.
-- include lib/line.lua

local function pop_id(b)
  local id = call('RPOPLPUSH', b .. 'wait', b .. 'active')
  while id and string.sub(id, 1, 2) == '0:' do -- list marker of BullMQ 4
    call('LREM', b .. 'active', 1, id)
    id = call('RPOPLPUSH', b .. 'wait', b .. 'active')
  end
  if id then
    return id
  end
  local first = call('ZPOPMIN', b .. 'prioritized')
  if first[1] then
    call('LPUSH', b .. 'active', first[1])
    return first[1]
  end
  call('DEL', b .. 'pc')
  return nil
end

local function positive(text)
  local number = tonumber(text or nil)
  return number and number > 0 and number or nil
end

-- Milliseconds for which the rate limit forbids a fetch; 0 = free.
local function limited_for(b, max)
  if not max or tonumber(call('GET', b .. 'limiter') or 0) < max then
    return 0
  end
  local left = call('PTTL', b .. 'limiter')
  if left == 0 then
    call('DEL', b .. 'limiter')
  end
  return math.max(left, 0)
end

-- args: now, token, lock_ms, name, limit_max, limit_ms, mode.
-- Returns {fields or 0, id or 0, ms to wait for the rate limit, ms of the next delayed job}.
local function fetch(b, args)
  local blocked = is_blocked(b) -- before promoting: what promotion wakes must not change it
  local limits = call('HMGET', b .. 'meta', 'max', 'duration')
  promote_due(b, args.now, args.mode)
  local max = tonumber(limits[1] or nil) or positive(args.limit_max)
  local limited = limited_for(b, max)
  if limited > 0 then
    return {0, 0, limited, 0}
  end
  if blocked then
    return {0, 0, 0, 0}
  end
  local id = pop_id(b)
  if not id then
    return {0, 0, 0, next_due(b) or 0}
  end
  local job = b .. id
  if max and call('HEXISTS', job, 'defa') == 0 and call('INCR', b .. 'limiter') == 1 then
    local window = positive(args.limit_ms) or math.abs(tonumber(limits[2] or 0) or 0)
    call('PEXPIRE', b .. 'limiter', whole(math.floor(window)))
  end
  call('SET', job .. ':lock', args.token, 'PX', args.lock_ms)
  emit(b, 'active', 'jobId', id, 'prev', 'waiting')
  call('HSET', job, 'processedOn', whole(args.now))
  if args.name ~= '' then
    call('HSET', job, 'pb', args.name)
  end
  call('HINCRBY', job, 'ats', 1)
  call('ZADD', b .. 'marker', 0, '0') -- the next sleeper looks for more
  return {call('HGETALL', job), id, 0, 0}
end

-- The arguments of fetch as they stand in ARGV from `first` on.
local function fetch_args(first, now, mode)
  return {
    now = now, mode = mode, token = ARGV[first], lock_ms = ARGV[first + 1], name = ARGV[first + 2],
    limit_max = ARGV[first + 3], limit_ms = ARGV[first + 4],
  }
end
