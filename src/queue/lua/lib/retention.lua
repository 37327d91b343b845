-- What becomes of a finished job, and of older ones.
-- include lib/parent.lua

local function delete_job(b, id)
  local job = b .. id
  call('DEL', job, job .. ':logs', job .. ':dependencies', job .. ':processed', job .. ':failed',
       job .. ':unsuccessful')
end

local function drop_job(b, id, mode)
  local parent_key = call('HGET', b .. id, 'parentKey')
  if parent_key and call('EXISTS', parent_key) == 1 then
    detach(b .. id, parent_key, mode)
  end
  delete_job(b, id)
end

local function decode(text)
  local is_ok, value = pcall(cjson.decode, text or '')
  if is_ok then
    return value
  end
  return nil
end

-- {count, age, limit} from an option's value; nil counts keep all.
local function keep_rule(value)
  if type(value) == 'boolean' then
    return {count = value and 0 or -1}
  end
  if type(value) == 'number' then
    return {count = value}
  end
  if type(value) == 'table' then
    return {count = tonumber(value.count), age = tonumber(value.age), limit = tonumber(value.limit)}
  end
  return {count = -1}
end

local function drop_old(b, set, rule, now, mode)
  local function drop_all(ids)
    for _, id in ipairs(ids) do
      drop_job(b, id, mode)
      call('ZREM', set, id)
    end
  end
  if rule.age then
    drop_all(call('ZREVRANGEBYSCORE', set, whole(now - rule.age * 1000), '-inf', 'LIMIT', 0,
                  whole(rule.limit or 1000)))
  end
  if rule.count and rule.count > 0 then
    drop_all(call('ZREVRANGE', set, whole(rule.count), -1))
  end
end
