-- What an answer said. ARGV: 6 status, 7 limit, 8 remaining, 9 reset in ms,
-- 10 retry in ms (-1: no such header), 11 whether it was a probe.
local status, limit = tonumber(ARGV[6]), tonumber(ARGV[7])
local remaining, reset = tonumber(ARGV[8]), tonumber(ARGV[9])
local retry, probe = tonumber(ARGV[10]), ARGV[11] == '1'
-- Reset is told in whole seconds.
local RESOLUTION = 1000

if reset < 0 or reset > hour.ms + 2 * RESOLUTION then reset = nil end
-- Headers of the minute's window say nothing that our own count does not.
local ours = hour.limit > 0 and remaining >= 0 and
             not (limit == minute.limit and limit ~= hour.limit)

landed(1)
set('known', 1)
if probe then unset('lock') end

local function short_of(w)
  return w.limit > 0 and (S[w.sum] or 0) + (S.fly or 0) + 1 >= w.limit
end

-- How long nobody sends after a 429.
local function pause(tries)
  local step = minute.ms / 60 * 2 ^ (tries - 1)
  if retry >= 0 then return math.max(retry, step) end
  if not S.kind and S.hinted == S.hint and S.hint and probe then
    set('kind', ROLLING) -- the end of a fixed window would have let it pass
  end
  if S.kind == FIXED and
     now - (S.wend - hour.ms) < math.min(2 * RESOLUTION, hour.ms / 20) then
    return math.min(RESOLUTION, hour.ms / 60) * 2 ^ (tries - 1)
  end
  if S.kind ~= FIXED and short_of(hour) and hour.next then
    return hour.next - now
  end
  if ours and remaining == 0 and reset and reset > 0 and
     S.kind ~= ROLLING then
    if S.kind == FIXED then set('wend', now + reset)
    else set('hint', now + reset) end
    return reset
  end
  if tries == 1 then return minute.ms - now % minute.ms end
  return minute.ms * 2 ^ (tries - 1)
end

if status == 429 then
  local tries = math.min((S.tries or 0) + 1, 20)
  set('tries', tries)
  set('epoch', (S.epoch or 0) + 1)
  if limit > 0 and limit < hour.limit and limit ~= minute.limit then
    set('limit', limit)
  end
  local ms = math.max(20, math.min(pause(tries), hour.ms))
  set('blocked', math.max(S.blocked or 0, now + math.floor(ms)))
  return 0
end

if probe then
  unset('blocked')
  unset('tries')
end
local before = S.used_h or 0
spend(1)
if S.kind == FIXED then
  set('count', S.count + 1)
  unset('rolled')
end
if not ours then return 1 end

local served = (limit > 0 and limit or hour.limit) - remaining

-- Calls that a rolling window must still hold, whatever the latency.
local function certain()
  local slack, sum, at = math.min(hour.ms / 20, 2000), before, 0
  while sum > served do
    local text = redis.call('LINDEX', hour.key, at)
    if not text then break end
    local due, n = entry(text)
    if due > now + slack then break end
    sum, at = sum - n, at + 1
  end
  return sum
end

-- Fewer than we know of: the server began a new window, or this answer was
-- overtaken by others. A probe has no others beside it; else as many answers
-- in a row must say so as calls were ever under way at once.
local known = S.kind == FIXED and S.count or before
if served + 3 >= known or (S.kind ~= FIXED and served + 3 >= certain()) then
  unset('odd')
elseif not probe and (S.odd or 0) < (S.peak or 1) then
  set('odd', (S.odd or 0) + 1)
else
  unset('odd')
  set('kind', FIXED)
  set('wend', now + (reset or hour.ms))
  set('count', served)
end
if S.kind == FIXED then
  if reset then set('wend', now + reset) end
elseif not S.kind then
  local hint = reset and now + reset or now + hour.ms - now % hour.ms
  -- The same end, told again, is not another one.
  if not S.hint or math.abs(hint - S.hint) > RESOLUTION then
    set('hint', hint)
  end
end
-- What others have used of their reserve needs not be kept for them.
set('others', math.max(0, served - (S.kind == FIXED and S.count or
                                    S.used_h or 0)))
set('left', remaining - (S.fly or 0))
local hold = hour.ms / 60
if S.kind == FIXED then hold = math.min(hold, math.max(1, S.wend - now)) end
set('hold', math.floor(now + hold))
return 1
