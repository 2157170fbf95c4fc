-- What an answer said. ARGV: 7 status, 8 limit, 9 remaining, 10 reset in ms,
-- 11 retry in ms (-1: no such header), 12 whether it was a probe.
local status, limit = tonumber(ARGV[7]), tonumber(ARGV[8])
local remaining, reset = tonumber(ARGV[9]), tonumber(ARGV[10])
local retry, probe = tonumber(ARGV[11]), ARGV[12] == '1'

if reset < 0 or reset > hour.ms + 2 * RESOLUTION then reset = nil end
-- Headers of the minute's window say nothing that our own count does not.
local ours = hour.limit > 0 and remaining >= 0 and
             not (limit == configured.minute and limit ~= hour.limit and
                  limit ~= configured.hour)

landed(1)
set('known', 1)

-- Another limit is another count: the server's, as of now.
local function resync(served)
  redis.call('DEL', hour.key)
  set('used_h', 0)
  if served > 0 then
    push(hour, now + hour.ms, served, 2 * hour.ms + TTL)
  end
  if S.kind == FIXED then set('count', served) end
  unset('odd')
  unset('left')
  unset('others')
end

if ours and limit > 0 and limit ~= hour.limit then
  set('limit', limit)
  limits_now()
  -- Less what will be counted below.
  resync(math.max(0, limit - remaining - (status == 429 and 0 or 1)))
end
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
     now - (S.wend - hour.ms) < math.min(4 * RESOLUTION, hour.ms / 20) then
    return RESOLUTION * 2 ^ (tries - 1)
  end
  if S.kind ~= FIXED and short_of(hour) and hour.next then
    return hour.next - now
  end
  if ours and remaining == 0 and reset and reset > 0 and
     S.kind ~= ROLLING then
    if S.kind == FIXED then set('wend', now + reset + RESOLUTION)
    else set('hint', now + reset + RESOLUTION) end
    return reset + RESOLUTION
  end
  if tries == 1 then return minute.ms - now % minute.ms end
  return minute.ms * 2 ^ (tries - 1)
end

if status == 429 then
  local tries = math.min((S.tries or 0) + 1, 20)
  set('tries', tries)
  set('epoch', (S.epoch or 0) + 1)
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
-- It was sent before the window that we are in began: it tells of that one.
if S.kind == FIXED and reset and
   now + reset + RESOLUTION < S.wend - hour.ms / 2 then
  return 1
end
-- The server's next window began before ours was to end: it has all its calls.
if S.kind == FIXED and reset and
   now + reset + RESOLUTION > S.wend + hour.ms / 2 then
  set('wend', now + reset + RESOLUTION)
  set('count', 0)
  unset('rolled')
  unset('odd')
end
local first = S.kind == FIXED and S.rolled == 1
if S.kind == FIXED then
  set('count', S.count + 1)
  unset('rolled')
end
if not ours then return 1 end

local served = (limit > 0 and limit or hour.limit) - remaining

-- Calls that a rolling window must still hold, whatever the latency.
local function certain()
  local slack, sum, at = hour.ms / 20, before, 0
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
  set('wend', now + (reset or hour.ms) + RESOLUTION)
  -- Calls that came after this one may have been told of before it: they are
  -- ours, and not in its count. The others' reserve must not pay for them.
  local ahead = reserve > 0 and not probe and S.peak or 0
  set('count', served + ahead)
end
-- The window should be over, and the server still counts its calls.
if first and probe and before > 10 and served + 3 >= before then
  unset('kind')
  unset('hint')
end
-- The end passed, and hardly a call was forgotten: told by the probe that tried
-- it, or by an answer that comes too late to be of the window before.
if not S.kind and S.hint and before > 10 and served + 3 >= before and
   (probe and S.hinted == S.hint and now >= S.hint or
    now >= S.hint + hour.ms / 60) then
  set('kind', ROLLING)
end
-- All that is counted is ours, and it goes before the oldest could leave a
-- rolling window, nor does it leak one by one.
if not S.kind and reset and reset > hour.ms / 60 and
   math.abs(reset - served * hour.ms / hour.limit) > hour.ms / 60 and
   served <= before + 1 + (S.fly or 0) then
  local oldest = redis.call('LINDEX', hour.key, 0)
  if oldest and now + reset + RESOLUTION + hour.ms / 60 < entry(oldest) then
    set('kind', FIXED)
    set('wend', now + reset + RESOLUTION)
    set('count', served)
  end
end
if S.kind == FIXED then
  -- The earliest that is told, and what is told in whole seconds may be a
  -- second more; a later one when it is clearly another window's.
  local wend = reset and now + reset + RESOLUTION
  if wend and (wend < S.wend or wend > S.wend + 2 * RESOLUTION) then
    set('wend', wend)
  end
elseif not S.kind then
  local hint = reset and now + reset + RESOLUTION or
               now + hour.ms - now % hour.ms
  -- The same end, told again, is not another one.
  if not S.hint or math.abs(hint - S.hint) > hour.ms / 60 then
    set('hint', hint)
  end
end
-- What others have used of their reserve needs not be kept for them.
set('others', math.max(0, served - (S.kind == FIXED and S.count or
                                    S.used_h or 0)))
set('left', remaining - (S.fly or 0))
local hold = hour.ms / 60
if S.kind == FIXED then
  hold = reset and math.max(1, S.wend - now) or
         math.min(hold, math.max(1, S.wend - now))
end
set('hold', math.floor(now + hold))
return 1
