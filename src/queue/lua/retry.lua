-- Another try at once. ARGV: now, pause mode, id, token, reason, stack trace JSON, "1" for the front
-- of the line. Returns 0 or a negative code.
-- include lib/line.lua
-- include lib/failure.lua

local b, now, mode, id = KEYS[1], tonumber(ARGV[1]), ARGV[2], ARGV[3]

promote_due(b, now, mode)
local code = take_back(b, id, ARGV[4], ARGV[5], ARGV[6])
if code ~= 0 then
  return code
end
enqueue(b, id, priority_of(b, id), ARGV[7] == '1', mode)
call('HINCRBY', b .. id, 'atm', 1)
emit_trimmed(b, 'waiting', 'jobId', id, 'prev', 'active')
return 0
