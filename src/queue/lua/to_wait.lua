-- Back to the front of the line, as if never fetched but for the count of starts. ARGV: now, pause
-- mode, id, token. Returns the milliseconds left of the rate limit, or a negative code.
-- include lib/line.lua
-- include lib/lock.lua

local b, mode, id = KEYS[1], ARGV[2], ARGV[3]

if call('EXISTS', b .. id) == 0 then
  return -1
end
local code = unlock(b, id, ARGV[4])
if code ~= 0 then
  return code
end
if call('LREM', b .. 'active', 1, id) == 1 then
  local priority = priority_of(b, id)
  if priority > 0 then
    call('ZADD', b .. 'prioritized', whole(priority * 4294967296), id)
  else
    call('RPUSH', wait_key(b, mode), id)
    wake(b)
  end
  emit_trimmed(b, 'waiting', 'jobId', id, 'prev', 'active')
end
return math.max(call('PTTL', b .. 'limiter'), 0)
