-- ARGV: id, line, number of lines to keep ("0" = all). Returns the number of lines, or -1.
local call, job, keep = redis.call, KEYS[1] .. ARGV[1], tonumber(ARGV[3])

if call('EXISTS', job) == 0 then
  return -1
end
local lines = call('RPUSH', job .. ':logs', ARGV[2])
if keep > 0 then
  call('LTRIM', job .. ':logs', -keep, -1)
  lines = math.min(keep, lines)
end
return lines
