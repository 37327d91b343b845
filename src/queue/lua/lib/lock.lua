-- Ends a lock. Returns 0, -2 (no lock) or -6 (another worker's).
-- include lib/events.lua

local function unlock(b, id, token)
  local held = call('GET', b .. id .. ':lock')
  if not held then
    return -2
  end
  if held ~= token then
    return -6
  end
  call('DEL', b .. id .. ':lock')
  call('SREM', b .. 'stalled', id)
  return 0
end
