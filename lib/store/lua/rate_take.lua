-- May one send? ARGV: 7 cost. Returns {granted, wait_ms, probe, epoch}.
-- Writes only when it grants, or when time has passed over something.
local cost = tonumber(ARGV[7])
local epoch = S.epoch or 0
local LONGEST = 60000 -- ask again then, whatever was known
local SOON = 20       -- an answer under way will tell more

local function refuse(wait)
  return {0, math.max(1, math.min(wait, LONGEST)), 0, epoch}
end

if S.blocked and now < S.blocked then return refuse(S.blocked - now) end
if S.lock and now < S.lock then return refuse(math.min(S.lock - now, SOON)) end

-- Knowing nothing, after a refusal, or first in a window: one call tries.
local probe = not S.known or S.blocked ~= nil or S.rolled == 1
local out = S.fly or 0
local wait = 0

if minute.limit > 0 then
  local limit = minute.limit
  if hour.limit > 0 then -- others may use their reserve in one go
    limit = limit - math.min(reserve, math.floor(limit / 2))
  end
  if (S.used_m or 0) + out + cost > limit then
    wait = minute.next and minute.next - now or SOON
  end
end

if hour.limit > 0 then
  local limit = hour.limit - reserve
  if S.kind == FIXED then
    if S.count + out + cost > limit then
      wait = math.max(wait, S.wend - now)
    end
  elseif (S.used_h or 0) + out + cost > limit then
    local w = hour.next and hour.next - now or SOON
    -- The window may be a fixed one: its end is worth one try.
    if not S.kind and S.hint and S.hint ~= S.hinted and limit > 0 and
       now < S.hint + hour.ms / 60 then
      if now < S.hint then w = math.min(w, S.hint - now)
      elseif out > 0 then w = SOON
      else
        w = 0
        probe = true
        if wait == 0 then set('hinted', S.hint) end
      end
    end
    wait = math.max(wait, w)
  end
  if S.left and S.left - math.max(0, reserve - (S.others or 0)) < cost then
    if now < S.hold then wait = math.max(wait, S.hold - now)
    else probe = true end
  end
end

if wait > 0 then return refuse(wait) end
if probe then set('lock', now + TTL) end
push(fly, math.floor(now / 100) * 100, cost, 2 * TTL)
if S.fly > (S.peak or 0) then set('peak', S.fly) end
if S.left then set('left', S.left - cost) end
return {1, 0, probe and 1 or 0, epoch}
