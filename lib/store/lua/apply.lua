-- Facts of one ledger partition, and its position, in one step.
-- KEYS: 1 the partition's hash {epoch, applied, oldest}, 2 the view's token,
-- 3.. facts. ARGV: 1 epoch, 2 applied, 3 oldest or "", 4 the token we know,
-- 5.. values "state|dst|rev|pass|origin|offset|hash|type|fields|keep".
-- Returns 1; -1: a newer owner was here; -2: this is not the view we knew.
local FIELD6 = '^[^|]*|[^|]*|[^|]*|[^|]*|[^|]*|([^|]*)'
if redis.call('GET', KEYS[2]) ~= ARGV[4] then return -2 end
local part = redis.call('HMGET', KEYS[1], 'epoch', 'applied')
if tonumber(ARGV[1]) < tonumber(part[1] or '0') then return -1 end
for i = 3, #KEYS do
  local new = ARGV[i + 2]
  local old = redis.call('GET', KEYS[i])
  if not old or
     tonumber(new:match(FIELD6)) >= tonumber(old:match(FIELD6) or '-1') then
    redis.call('SET', KEYS[i], new)
  end
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
if tonumber(ARGV[2]) > tonumber(part[2] or '-1') then
  redis.call('HSET', KEYS[1], 'applied', ARGV[2])
end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'oldest', ARGV[3]) end
return 1
