-- Another try later. ARGV: now, pause mode, id, token, reason, stack trace JSON ("" leaves both as
-- they are), delay ms, "1" if this try does not count, "1" to fetch the next job, then what fetch
-- needs. Returns 0, a negative code, or what fetch returns.
-- include lib/fetch.lua
-- include lib/failure.lua

local b, now, mode, id = KEYS[1], tonumber(ARGV[1]), ARGV[2], ARGV[3]
local delay = tonumber(ARGV[7])

local code = take_back(b, id, ARGV[4], ARGV[5], ARGV[6])
if code ~= 0 then
  return code
end
local due = add_delayed(b, id, now, delay)
if ARGV[8] ~= '1' then
  call('HINCRBY', b .. id, 'atm', 1)
end
call('HSET', b .. id, 'delay', whole(delay))
emit_trimmed(b, 'delayed', 'jobId', id, 'delay', whole(due))
if ARGV[9] == '1' then
  local found = fetch(b, fetch_args(10, now, mode))
  if found[2] ~= 0 then
    return found
  end
elseif call('LLEN', b .. 'wait') + call('ZCARD', b .. 'prioritized') > 0 then
  wake(b) -- nobody else may be awake to take them
end
mark_delay(b)
return 0
