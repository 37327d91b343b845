-- The next job becomes active. ARGV: now, pause mode, token, lock ms, worker name, limiter max,
-- limiter ms. Returns as lib/fetch.lua says.
-- include lib/fetch.lua

return fetch(KEYS[1], fetch_args(3, tonumber(ARGV[1]), ARGV[2]))
