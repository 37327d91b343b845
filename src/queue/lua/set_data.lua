-- ARGV: id, data JSON. Returns 0 or -1.
local job = KEYS[1] .. ARGV[1]

if redis.call('EXISTS', job) == 0 then
  return -1
end
redis.call('HSET', job, 'data', ARGV[2])
return 0
