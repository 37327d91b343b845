-- Finished jobs per minute, newest first.
-- include lib/line.lua

local function count_finished(b, kind, now, max_points)
  local key = b .. 'metrics:' .. kind
  local before = call('HINCRBY', key, 'count', 1) - 1
  local fields = call('HMGET', key, 'prevTS', 'prevCount')
  if not fields[1] then
    call('HSET', key, 'prevTS', whole(now), 'prevCount', 0)
    return
  end
  local minutes = math.floor(now / 60000) - math.floor(tonumber(fields[1]) / 60000)
  minutes = math.min(minutes, max_points)
  if minutes <= 0 then
    return
  end
  local points = {whole(before - (tonumber(fields[2] or 0) or 0))}
  for i = 2, minutes do
    points[i] = '0'
  end
  for first = 1, #points, 1000 do -- unpack is bounded by Lua's stack
    call('LPUSH', key .. ':data', unpack(points, first, math.min(first + 999, #points)))
  end
  call('LTRIM', key .. ':data', 0, max_points - 1)
  call('HSET', key, 'prevCount', whole(before), 'prevTS', whole(now))
end
