-- What the failure paths that give a job another try have in common.
-- include lib/lock.lua

-- Takes the job out of `active`. Returns 0 or a negative code. The reason is kept when there is one.
local function take_back(b, id, token, reason, stack)
  if call('EXISTS', b .. id) == 0 then
    return -1
  end
  local code = unlock(b, id, token)
  if code ~= 0 then
    return code
  end
  if stack ~= '' then
    call('HSET', b .. id, 'failedReason', reason, 'stacktrace', stack)
  end
  if call('LREM', b .. 'active', -1, id) == 0 then
    return -3
  end
  return 0
end
