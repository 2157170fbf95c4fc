-- The rate controller's state, shared by its three scripts.
--
-- KEYS: 1 state (hash), 2 calls of the last hour, 3 of the last minute, 4 calls
-- granted and not answered yet (lists of "time:count", oldest first).
-- ARGV: 1 hour limit, 2 hour in ms, 3 minute limit, 4 minute in ms, 5 reserve,
-- 6 the time in ms, of a simulation; 0: by this server's clock.
--
-- state: fly, used_h, used_m  sums of the three lists
--        known   an answer was seen since this state was made
--        epoch, blocked, tries, lock   after a 429; lock: a probe is out
--        kind    1 fixed windows, 2 rolling; absent: not known yet
--        wend, count, rolled   fixed: the window's end, calls in it, and
--                whether no answer from inside it was seen yet
--        hint, hinted   kind unknown: when the window may end; tried already
--        odd, peak   answers in a row that hint at a new window; most calls
--                under way at once
--        left, hold     what the server says is left; believed until
--        others  calls of other users in the window, by its count
--        limit   the hour's limit as the server tells it
local FIXED, ROLLING = 1, 2
local TTL = 35000 -- a call without an answer counts as spent after this
local LIFTED = 60 -- no hour holds so many times the minute's limit

local now = tonumber(ARGV[6])
if now == 0 then
  local t = redis.call('TIME')
  now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end

local S = {}
do
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do S[all[i]] = tonumber(all[i + 1]) end
end

local function set(field, value)
  S[field] = value
  redis.call('HSET', KEYS[1], field, string.format('%.0f', value))
end

local function unset(field)
  if S[field] then
    S[field] = nil
    redis.call('HDEL', KEYS[1], field)
  end
end

local hour = {key = KEYS[2], limit = tonumber(ARGV[1]),
              ms = tonumber(ARGV[2]), steps = 3600, sum = 'used_h'}
local minute = {key = KEYS[3], limit = tonumber(ARGV[3]),
                ms = tonumber(ARGV[4]), steps = 600, sum = 'used_m'}
local fly = {key = KEYS[4], sum = 'fly'}
local reserve = tonumber(ARGV[5])
-- The server tells its limits in whole seconds of its own hour.
local RESOLUTION = math.max(1, math.ceil(hour.ms / 3600))

-- The configured limit holds until the server tells one. One that no minute
-- could use up means that the limits are lifted, the minute's with them.
local function limits_now()
  if hour.limit > 0 and S.limit then
    hour.limit = S.limit
    if minute.limit > 0 and S.limit >= LIFTED * minute.limit then
      minute.limit = 0
    end
  end
end
local configured = {hour = hour.limit, minute = minute.limit}
limits_now()

local function entry(text)
  local at, n = text:match('^(%d+):(%d+)$')
  return tonumber(at), tonumber(n)
end

-- Takes off the head what is due; returns how much. q.next: the next to go.
local function drop_due(q, due)
  local gone = 0
  q.next = nil
  while true do
    local head = redis.call('LINDEX', q.key, 0)
    if not head then
      gone = S[q.sum] or 0
      break
    end
    local at, n = entry(head)
    if at > due then
      q.next = at
      break
    end
    redis.call('LPOP', q.key)
    gone = gone + n
  end
  if gone > 0 then set(q.sum, (S[q.sum] or 0) - gone) end
  return gone
end

local function push(q, at, n, keep_ms)
  local tail = redis.call('LINDEX', q.key, -1)
  local last, had
  if tail then last, had = entry(tail) end
  if last == at then
    redis.call('LSET', q.key, -1, string.format('%.0f:%d', at, had + n))
  else
    redis.call('RPUSH', q.key, string.format('%.0f:%d', at, n))
  end
  redis.call('PEXPIRE', q.key, keep_ms)
  set(q.sum, (S[q.sum] or 0) + n)
end

-- n calls were answered now: they leave a window one length after, rounded
-- up, so never before the server forgets them.
local function spend(n)
  for _, w in ipairs({hour, minute}) do
    if w.limit > 0 or (w == minute and configured.minute > 0) then
      local step = math.max(1, math.floor(w.ms / w.steps))
      push(w, (math.floor(now / step) + 1) * step + w.ms, n, 2 * w.ms + TTL)
    end
  end
end

-- One call less under way, the oldest.
local function landed(n)
  while n > 0 do
    local head = redis.call('LINDEX', fly.key, 0)
    if not head then break end
    local at, had = entry(head)
    local take = math.min(n, had)
    if take == had then redis.call('LPOP', fly.key)
    else
      redis.call('LSET', fly.key, 0,
                 string.format('%.0f:%d', at, had - take))
    end
    set('fly', math.max(0, (S.fly or 0) - take))
    n = n - take
  end
  -- Nothing is out, so no probe is.
  if (S.fly or 0) == 0 then unset('lock') end
end

-- Everything up to date: windows forget, calls nobody reported are spent, a
-- fixed window that is over makes room for the next.
do
  local lost = drop_due(fly, now - TTL)
  if lost > 0 then spend(lost) end
  local freed = drop_due(hour, now)
  drop_due(minute, now)
  if freed > 0 and S.left and S.kind ~= FIXED then
    set('left', math.min(S.left + freed, hour.limit))
  end
  if S.kind == FIXED and now >= S.wend then
    set('wend', S.wend + (math.floor((now - S.wend) / hour.ms) + 1) * hour.ms)
    set('count', 0)
    set('rolled', 1)
    unset('left')
    unset('others')
  end
end
