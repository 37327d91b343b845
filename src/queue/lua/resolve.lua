-- The end of a try was sent, its reply was lost, and sending it again found no lock: was it carried
-- out? ARGV: id, attempts made and stalls when the job was fetched. Returns 1 (yes), 0 (no: the lock
-- ran out before). A job that is gone was removed by its own retention rule.
local call, b, id = redis.call, KEYS[1], ARGV[1]

if call('EXISTS', b .. id) == 0 then
  return 1
end
local fields = call('HMGET', b .. id, 'atm', 'stc')
if (tonumber(fields[2] or 0) or 0) ~= tonumber(ARGV[3]) then
  return 0 -- recovered by a stalled check: what was counted since is another worker's
end
if (tonumber(fields[1] or 0) or 0) > tonumber(ARGV[2]) then
  return 1
end
for _, active in ipairs(call('LRANGE', b .. 'active', 0, -1)) do
  if active == id then
    return 0
  end
end
return 1 -- handed back without counting
