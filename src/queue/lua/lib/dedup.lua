-- Deduplication at the end of its owner: the id becomes free, and a job that was held back for it is
-- made.
-- include lib/store.lua
-- include lib/retention.lua

local function requeue_held(b, dedup_id, held, now, mode)
  local opts = decode(held.opts) or {}
  local counter = call('INCR', b .. 'id')
  local job = {
    id = held.jid and held.jid ~= '' and held.jid or whole(counter),
    name = held.name, data = held.data, opts = held.opts, now = now,
    delay = tonumber(opts.delay) or 0, priority = tonumber(opts.priority) or 0,
    is_lifo = opts.lifo == true, parent_key = held.pk, parent = held.pd, scheduler = held.rjk,
    dedup_id = dedup_id,
  }
  local rule = type(opts.de) == 'table' and opts.de or {}
  local ttl = tonumber(rule.ttl)
  if ttl and ttl > 0 and rule.keepLastIfActive ~= true then
    call('SET', b .. 'de:' .. dedup_id, job.id, 'PX', whole(ttl))
  else
    call('SET', b .. 'de:' .. dedup_id, job.id)
  end
  store_job(b, job)
  place_job(b, job, mode)
  if held.pdk and held.pdk ~= '' then
    call('SADD', held.pdk, b .. job.id)
  end
end

local function free_dedup(b, id, dedup_id, now, mode)
  local key, next_key = b .. 'de:' .. dedup_id, b .. 'dn:' .. dedup_id
  local left = call('PTTL', key)
  if left == 0 or (left == -1 and call('GET', key) == id) then
    call('DEL', key)
  end
  local flat = call('HGETALL', next_key)
  if #flat == 0 then
    return
  end
  local held = {}
  for i = 1, #flat, 2 do
    held[flat[i]] = flat[i + 1]
  end
  call('DEL', next_key)
  requeue_held(b, dedup_id, held, now, mode)
end
