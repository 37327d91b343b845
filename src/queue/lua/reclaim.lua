-- A fetch whose reply was lost may have been carried out: finds the job that holds our token.
-- ARGV: token. Returns what fetch returns.
local call, b = redis.call, KEYS[1]

for _, id in ipairs(call('LRANGE', b .. 'active', 0, -1)) do
  if call('GET', b .. id .. ':lock') == ARGV[1] then
    return {call('HGETALL', b .. id), id, 0, 0}
  end
end
return {0, 0, 0, 0}
