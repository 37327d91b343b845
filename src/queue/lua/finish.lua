-- Ends a job for good. ARGV: now, pause mode, id, token, "completed" or "failed", value (JSON, or the
-- reason as text), stack trace JSON (failed only), the worker's own retention rule (JSON or ""),
-- metrics points, "1" to fetch the next job, then what fetch needs.
-- Returns 0, a negative code, or what fetch returns.
-- include lib/lock.lua
-- include lib/fetch.lua
-- include lib/dedup.lua
-- include lib/metrics.lua

local b, now, mode, id, token = KEYS[1], tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local kind, value, stack = ARGV[5], ARGV[6], ARGV[7]
local own_rule, points, is_fetching = ARGV[8], tonumber(ARGV[9]) or 0, ARGV[10] == '1'
local job, is_failed = b .. id, kind == 'failed'

if call('EXISTS', job) == 0 then
  return -1
end
if not is_failed then
  if call('SCARD', job .. ':dependencies') > 0 then
    return -4
  end
  if call('ZCARD', job .. ':unsuccessful') > 0 then
    return -9
  end
end
local code = unlock(b, id, token)
if code ~= 0 then
  return code
end
if is_failed then
  call('HSET', job, 'failedReason', value, 'stacktrace', stack)
end
-- Read now, not at fetch: they change while a job runs.
local fields = call('HMGET', job, 'parentKey', 'parent', 'deid', 'opts')
if call('LREM', b .. 'active', -1, id) == 0 then
  return -3
end
trim_events(b)
if fields[3] then
  free_dedup(b, id, fields[3], now, mode)
end
local parent = decode(fields[2])
if type(parent) == 'table' and parent.id and parent.queueKey then
  if is_failed then
    child_failed(parent, job, value, now, mode)
  else
    child_completed(parent, job, value, now, mode)
  end
end
local attempts_made = call('HINCRBY', job, 'atm', 1)
local opts = decode(fields[4])
opts = type(opts) == 'table' and opts or {}

local option = opts[is_failed and 'removeOnFail' or 'removeOnComplete']
if option == nil then
  option = decode(own_rule)
end
local rule = keep_rule(option)
if rule.count == 0 then
  if fields[1] then
    detach(job, fields[1], mode)
  end
  delete_job(b, id)
else
  call('ZADD', b .. kind, whole(now), id)
  call('HSET', job, is_failed and 'failedReason' or 'returnvalue', value, 'finishedOn', whole(now))
  if is_failed then
    call('HDEL', job, 'defa')
  end
  drop_old(b, b .. kind, rule, now, mode)
end

emit(b, kind, 'jobId', id, is_failed and 'failedReason' or 'returnvalue', value, 'prev', 'active')
if is_failed and attempts_made >= (tonumber(opts.attempts) or 0) then
  emit(b, 'retries-exhausted', 'jobId', id, 'attemptsMade', attempts_made)
end
if points > 0 then
  count_finished(b, kind, now, points)
end

if is_fetching then
  local found = fetch(b, fetch_args(11, now, mode))
  if found[2] ~= 0 or found[3] > 0 or found[4] > 0 or is_blocked(b) then
    return found
  end
end
local waiting = call('LLEN', b .. 'wait') + call('ZCARD', b .. 'prioritized')
if waiting > 0 then
  wake(b) -- nobody else may be awake to take them
elseif call('LLEN', b .. 'active') == 0 and not next_due(b) and not is_blocked(b) then
  emit(b, 'drained')
end
return 0
