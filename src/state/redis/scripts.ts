/**
 * What must happen at once happens in the server. Time is the server's: instances may disagree about theirs.
 * Numbers are passed as text, because Lua would cut them to integers, or write them as 1.7e+15, on their way out.
 */

/**
 * KEYS: the tag's version counter, then one key a write. ARGV: three a write: expected version ('' any, '-' none),
 * JSON ('' deletes, `#` and JSON is a hash of texts), ttl in ms ('' none). Returns the new versions, or nil when an
 * expected version does not hold.
 *
 * A version is at least the time in microseconds: where a failover lost the newest writes, and the counter with them,
 * a version that somebody still remembers is not given to something else.
 */
export const COMMIT = `
local writes = #KEYS - 1
for i = 1, writes do
  local expected = ARGV[3 * i - 2]
  if expected ~= '' then
    local current = redis.call('HGET', KEYS[i + 1], 'r')
    if expected == '-' then
      if current then return false end
    elseif current ~= expected then
      return false
    end
  end
end
local time = redis.call('TIME')
local last = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), time[1] * 1000000 + time[2])
local versions = {}
for i = 1, writes do
  local key, json, ttl = KEYS[i + 1], ARGV[3 * i - 1], ARGV[3 * i]
  if json == '' then
    redis.call('UNLINK', key)
    versions[i] = '0'
  elseif string.sub(json, 1, 1) == '#' then
    redis.call('UNLINK', key)
    for name, text in pairs(cjson.decode(string.sub(json, 2))) do redis.call('HSET', key, name, text) end
    versions[i] = '0'
  else
    last = last + 1
    versions[i] = string.format('%.0f', last)
    redis.call('HSET', key, 'v', json, 'r', versions[i])
    if ttl == '' then redis.call('PERSIST', key) else redis.call('PEXPIRE', key, ttl) end
  end
end
redis.call('SET', KEYS[1], string.format('%.0f', last))
return versions
`

/** A lease outlives its lapse, so that its epoch goes on growing. */
const REMEMBER_LEASE_MS = 30 * 24 * 3_600_000

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
`

/** KEYS: the lease. ARGV: owner, ttl. Returns the new epoch, or nil while somebody else holds it. */
export const ACQUIRE = `${NOW}
local held = redis.call('HMGET', KEYS[1], 'owner', 'epoch', 'until')
if held[1] and held[1] ~= ARGV[1] and tonumber(held[3]) > now then return false end
local epoch = string.format('%.0f', math.max(tonumber(held[2] or '0') + 1, math.floor(now)))
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'epoch', epoch, 'until', string.format('%.3f', now + ARGV[2]))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ARGV[2] + ${REMEMBER_LEASE_MS}))
return epoch
`

/** KEYS: the lease. ARGV: epoch, ttl; a ttl of 0 releases. Returns 1 when it was still ours. */
export const RENEW = `${NOW}
local held = redis.call('HMGET', KEYS[1], 'epoch', 'until')
if held[1] ~= ARGV[1] or tonumber(held[2]) <= now then return 0 end
redis.call('HSET', KEYS[1], 'until', string.format('%.3f', tonumber(ARGV[2]) > 0 and now + ARGV[2] or 0))
return 1
`

/** What is left in the bucket ARGV[i], ARGV[i + 1] (limit, window): full at first, refilled evenly. */
const REFILL = `${NOW}
local blocked = tonumber(redis.call('HGET', KEYS[1], 'blocked') or '0') - now
local function refilled(i)
  local limit, window = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local level = redis.call('HGET', KEYS[1], 'tokens:' .. ARGV[i + 1])
  if not level then return limit end
  local tokens, at = string.match(level, '^(%S+) (%S+)$')
  return math.min(limit, tonumber(tokens) + math.max(0, now - tonumber(at)) * limit / window)
end
`

/**
 * KEYS: the limit. ARGV: cost, then limit and window of each bucket. Returns the ms to wait as text, '0' when taken from
 * all. A cost above the limit passes from a full bucket and is paid off afterwards.
 */
export const TAKE = `${REFILL}
if blocked > 0 then return string.format('%.0f', math.ceil(blocked)) end
local cost, wait, longest, tokens = tonumber(ARGV[1]), 0, 0, {}
for i = 2, #ARGV, 2 do
  local limit, window = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  tokens[i] = refilled(i)
  local missing = math.min(cost, limit) - tokens[i]
  if missing > 1e-6 then wait = math.max(wait, 1, math.ceil(missing * window / limit)) end
  longest = math.max(longest, window)
end
if wait > 0 then return string.format('%.0f', wait) end
for i = 2, #ARGV, 2 do
  redis.call('HSET', KEYS[1], 'tokens:' .. ARGV[i + 1], string.format('%.17g %.3f', tokens[i] - cost, now))
end
local left = redis.call('PTTL', KEYS[1])
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(left, 2 * longest * math.max(1, cost))))
return '0'
`

/** KEYS: the limit. ARGV: ms. The longer of two blocks holds. */
export const BLOCK = `${NOW}
local till = math.max(now + ARGV[1], tonumber(redis.call('HGET', KEYS[1], 'blocked') or '0'))
redis.call('HSET', KEYS[1], 'blocked', string.format('%.3f', till))
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(redis.call('PTTL', KEYS[1]), till - now + 1000)))
return 1
`

/** KEYS: the limit. ARGV: limit and window of each bucket. Returns the block's ms and what is left in each, as text. */
export const INSPECT = `${REFILL}
local answer = { string.format('%.0f', math.ceil(math.max(0, blocked))) }
for i = 1, #ARGV, 2 do answer[#answer + 1] = string.format('%.17g', refilled(i)) end
return answer
`
