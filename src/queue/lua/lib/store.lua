-- A new job: its hash, and its place.
-- include lib/line.lua

-- job: id, name, data, opts, now, delay, priority, is_lifo; parent_key, parent, scheduler and
-- dedup_id where it has them.
local function store_job(b, job)
  local fields = {
    'name', job.name, 'data', job.data, 'opts', job.opts, 'timestamp', whole(job.now),
    'delay', whole(job.delay), 'priority', whole(job.priority),
  }
  local function add(field, value)
    if value and value ~= '' then
      fields[#fields + 1] = field
      fields[#fields + 1] = value
    end
  end
  add('parentKey', job.parent_key)
  add('parent', job.parent)
  add('rjk', job.scheduler)
  add('deid', job.dedup_id)
  call('HSET', b .. job.id, unpack(fields))
  emit(b, 'added', 'jobId', job.id, 'name', job.name)
end

local function place_job(b, job, mode)
  if job.delay > 0 then
    local due = add_delayed(b, job.id, job.now, job.delay)
    emit_trimmed(b, 'delayed', 'jobId', job.id, 'delay', whole(due))
    mark_delay(b)
  else
    enqueue(b, job.id, job.priority, job.is_lifo, mode)
    emit_trimmed(b, 'waiting', 'jobId', job.id)
  end
end
