-- A job as it is. ARGV: id. Returns {state, hash fields, log lines}; the fields are empty when there
-- is no such job.
local call, b, id = redis.call, KEYS[1], ARGV[1]

local function is_listed(list)
  for _, member in ipairs(call('LRANGE', b .. list, 0, -1)) do
    if member == id then
      return true
    end
  end
  return false
end

local function state()
  for _, set in ipairs({'completed', 'failed', 'delayed', 'prioritized'}) do
    if call('ZSCORE', b .. set, id) then
      return set
    end
  end
  if is_listed('active') then
    return 'active'
  end
  if is_listed('wait') or is_listed('paused') then
    return 'waiting'
  end
  return call('ZSCORE', b .. 'waiting-children', id) and 'waiting-children' or 'unknown'
end

return {state(), call('HGETALL', b .. id), call('LRANGE', b .. id .. ':logs', 0, -1)}
