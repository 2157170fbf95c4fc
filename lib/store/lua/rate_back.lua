-- Granted, not sent. ARGV: 7 cost.
local cost = tonumber(ARGV[7])
landed(cost)
if S.left then set('left', S.left + cost) end
return 1
