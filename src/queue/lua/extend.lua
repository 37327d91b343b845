-- Renews locks. ARGV: lock ms, then id and token of each. Returns the places (from 0) of those that
-- are lost. PEXPIRE and SREM, unlike SET, also work when the server is out of memory.
local call, b = redis.call, KEYS[1]

local lost = {}
for i = 2, #ARGV, 2 do
  local id, token = ARGV[i], ARGV[i + 1]
  if call('GET', b .. id .. ':lock') == token then
    call('PEXPIRE', b .. id .. ':lock', ARGV[1])
    call('SREM', b .. 'stalled', id)
  else
    lost[#lost + 1] = (i - 2) / 2
  end
end
return lost
