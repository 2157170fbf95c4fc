-- Granted, not sent. ARGV: 6 cost.
local cost = tonumber(ARGV[6])
landed(cost)
if S.left then set('left', S.left + cost) end
return 1
