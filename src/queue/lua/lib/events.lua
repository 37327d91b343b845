-- The event stream of the queue whose keys start with `b`.
local call = redis.call

local function max_events(b)
  local max = call('HGET', b .. 'meta', 'opts.maxLenEvents')
  if not max then
    max = '10000'
    call('HSET', b .. 'meta', 'opts.maxLenEvents', max)
  end
  return max
end

local function emit(b, name, ...)
  call('XADD', b .. 'events', '*', 'event', name, ...)
end

local function emit_trimmed(b, name, ...)
  call('XADD', b .. 'events', 'MAXLEN', '~', max_events(b), '*', 'event', name, ...)
end

local function trim_events(b)
  call('XTRIM', b .. 'events', 'MAXLEN', '~', max_events(b))
end
