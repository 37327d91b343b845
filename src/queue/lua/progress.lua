-- ARGV: id, progress JSON. Returns 0 or -1.
-- include lib/events.lua

local b, id = KEYS[1], ARGV[1]
if call('EXISTS', b .. id) == 0 then
  return -1
end
call('HSET', b .. id, 'progress', ARGV[2])
emit_trimmed(b, 'progress', 'jobId', id, 'data', ARGV[2])
return 0
