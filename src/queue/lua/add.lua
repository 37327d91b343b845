-- A new job. ARGV: now, pause mode, id ("" = the counter's), name, data JSON, opts JSON, delay ms,
-- priority, "1" for the front of the line. Returns the id.
-- include lib/store.lua

local b, mode = KEYS[1], ARGV[2]
local job = {
  id = ARGV[3], name = ARGV[4], data = ARGV[5], opts = ARGV[6], now = tonumber(ARGV[1]),
  delay = tonumber(ARGV[7]), priority = tonumber(ARGV[8]), is_lifo = ARGV[9] == '1',
}

local counter = call('INCR', b .. 'id')
max_events(b)
if job.id == '' then
  job.id = whole(counter)
elseif call('EXISTS', b .. job.id) == 1 then
  emit_trimmed(b, 'duplicated', 'jobId', job.id)
  return job.id
end
store_job(b, job)
place_job(b, job, mode)
return job.id
