-- Flows: what happens to a parent. `pb` is the base of the parent's queue, with its last colon.
-- include lib/line.lua

local function parent_to_wait(pb, pid, now, mode)
  local fields = call('HMGET', pb .. pid, 'priority', 'delay')
  local delay = tonumber(fields[2] or 0) or 0
  if delay > 0 then
    call('ZADD', pb .. 'delayed', whole((now + delay) * 4096), pid)
    emit(pb, 'delayed', 'jobId', pid, 'delay', whole(now + delay))
    mark_delay(pb)
  else
    enqueue(pb, pid, tonumber(fields[1] or 0) or 0, true, mode)
    emit(pb, 'waiting', 'jobId', pid, 'prev', 'waiting-children')
  end
end

local function release_parent(pb, pid, now, mode)
  if call('EXISTS', pb .. pid) == 1 and call('ZREM', pb .. 'waiting-children', pid) == 1 then
    parent_to_wait(pb, pid, now, mode)
  end
end

local function release_if_empty(pb, pid, now, mode)
  if call('SCARD', pb .. pid .. ':dependencies') == 0 then
    release_parent(pb, pid, now, mode)
  end
end

-- A child went well. `parent` is the decoded `parent` field of the child.
local function child_completed(parent, child_key, value, now, mode)
  local pb, pid = parent.queueKey .. ':', parent.id
  if call('SREM', pb .. pid .. ':dependencies', child_key) == 1 then
    call('HSET', pb .. pid .. ':processed', child_key, value)
    release_if_empty(pb, pid, now, mode)
  end
end

-- The parent is to fail as soon as a worker of its own queue activates it.
local function fail_parent(pb, pid, child_key, now, mode)
  call('ZADD', pb .. pid .. ':unsuccessful', whole(now), child_key)
  if call('EXISTS', pb .. pid) == 0 then
    return
  end
  local reason = 'child ' .. child_key .. ' failed'
  local is_waiting = call('ZREM', pb .. 'waiting-children', pid) == 1
  if not is_waiting and call('ZREM', pb .. 'delayed', pid) == 1 then
    call('HSET', pb .. pid, 'delay', 0)
    is_waiting = true
  end
  if is_waiting then
    call('HSET', pb .. pid, 'defa', reason)
    parent_to_wait(pb, pid, now, mode)
  elseif not call('ZSCORE', pb .. 'failed', pid) then
    call('HSET', pb .. pid, 'defa', reason)
  end
end

local function child_failed(parent, child_key, reason, now, mode)
  if not (parent.fpof or parent.cpof or parent.idof or parent.rdof) then
    return -- the parent waits for ever
  end
  local pb, pid = parent.queueKey .. ':', parent.id
  if call('SREM', pb .. pid .. ':dependencies', child_key) == 0 then
    return
  end
  if parent.fpof then
    fail_parent(pb, pid, child_key, now, mode)
  elseif parent.cpof then
    call('HSET', pb .. pid .. ':failed', child_key, reason)
    release_parent(pb, pid, now, mode)
  else
    release_if_empty(pb, pid, now, mode)
    if parent.idof then
      call('HSET', pb .. pid .. ':failed', child_key, reason)
    end
  end
end

-- A child's hash goes away: its parent no longer waits for it. Released parents go to the wait list
-- whatever their priority and delay, as BullMQ does.
local function detach(child_key, parent_key, mode)
  if call('SREM', parent_key .. ':dependencies', child_key) == 0
    or call('SCARD', parent_key .. ':dependencies') > 0 then
    return
  end
  local pb, pid = string.match(parent_key, '^(.*:)([^:]*)$')
  if pb and call('ZREM', pb .. 'waiting-children', pid) == 1 then
    call('RPUSH', wait_key(pb, mode), pid)
    wake(pb)
    emit(pb, 'waiting', 'jobId', pid, 'prev', 'waiting-children')
  end
end
