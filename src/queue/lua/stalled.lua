-- Recovers jobs whose worker is gone: seen active at the last check, not renewed since, no lock now.
-- ARGV: now, pause mode, interval ms, most stalls a job may have. Returns the ids recovered.
-- include lib/line.lua

local b, now, mode = KEYS[1], ARGV[1], ARGV[2]
local most = tonumber(ARGV[4])

local function is_scheduled(id)
  local scheduler = call('HGET', b .. id, 'rjk')
  return scheduler and (call('EXISTS', b .. 'repeat:' .. scheduler) == 1
    or call('ZSCORE', b .. 'repeat', scheduler) ~= false)
end

if call('EXISTS', b .. 'stalled-check') == 1 then
  return {}
end
call('SET', b .. 'stalled-check', now, 'PX', ARGV[3])
trim_events(b)

local recovered = {}
local suspects = call('SMEMBERS', b .. 'stalled')
if #suspects > 0 then
  call('DEL', b .. 'stalled')
end
for _, id in ipairs(suspects) do
  if call('EXISTS', b .. id .. ':lock') == 0 and call('LREM', b .. 'active', 1, id) == 1 then
    local stalls = call('HINCRBY', b .. id, 'stc', 1)
    if stalls > most and not is_scheduled(id) then
      call('HSET', b .. id, 'defa', 'job stalled more than allowable limit')
    end
    call('RPUSH', wait_key(b, mode), id)
    wake(b)
    emit(b, 'waiting', 'jobId', id, 'prev', 'active')
    emit(b, 'stalled', 'jobId', id)
    recovered[#recovered + 1] = id
  end
end

local active = call('LRANGE', b .. 'active', 0, -1)
for first = 1, #active, 7000 do -- unpack is bounded by Lua's stack
  call('SADD', b .. 'stalled', unpack(active, first, math.min(first + 6999, #active)))
end
return recovered
