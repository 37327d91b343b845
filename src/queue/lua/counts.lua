-- Returns waiting, active, completed, failed, delayed, prioritized, waiting-children, paused (0, 1).
local call, b = redis.call, KEYS[1]

return {
  call('LLEN', b .. 'wait') + call('LLEN', b .. 'paused'),
  call('LLEN', b .. 'active'),
  call('ZCARD', b .. 'completed'),
  call('ZCARD', b .. 'failed'),
  call('ZCARD', b .. 'delayed'),
  call('ZCARD', b .. 'prioritized'),
  call('ZCARD', b .. 'waiting-children'),
  call('HEXISTS', b .. 'meta', 'paused'),
}
