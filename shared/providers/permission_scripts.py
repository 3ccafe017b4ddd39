"""The scripts of `permission_redis`: each is one round trip, and nothing comes between its steps.

Time is Redis's own, so that the clocks of workers do not matter. A subject's hash holds `failures` in a row, `began_at`
and `failed_at` of that row, `opened_at`, `probe_at`, `closed_until`, `slow_until`, and of a token bucket `tokens`,
`filled_at` and `urgent_until`.
"""

from string import Template

from shared.providers import permission as rules

KEEP_SECONDS = 3600
"""After so long without news a subject is as good as new."""

_PRELUDE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local function moment(value) return string.format('%.6f', value) end
local function read(key)
    local names = {'failures', 'began_at', 'failed_at', 'opened_at', 'probe_at', 'closed_until', 'slow_until', 'tokens',
                   'filled_at', 'urgent_until'}
    local record = {}
    for place, value in ipairs(redis.call('HMGET', key, unpack(names))) do
        record[names[place]] = tonumber(value or nil)
    end
    record.failures = record.failures or 0
    return record
end
local function standing(record)
    local slow = (record.slow_until or 0) > now and 1 or 0
    if (record.closed_until or 0) > now then
        return 1, record.failures, record.closed_until - now, slow
    elseif record.opened_at then
        return 2, record.failures, math.max(0, (record.probe_at or 0) - now), slow
    end
    return 0, record.failures, 0, slow
end
local function told(record)
    local breaker, failures, wait, slow = standing(record)
    return {breaker, failures, math.ceil(wait * 1000), slow}
end
"""

_ASK = """
local size, urgent, spread = tonumber(ARGV[1]), ARGV[2] == '1', ARGV[3] == '1'
local answer, records, left, chosen = {}, {}, size, false
for place = 1, #KEYS - 1 do records[place] = read(KEYS[place]) end
for pass = 0, 1 do for place = 1, #KEYS - 1 do
    local key, record = KEYS[place], records[place]
    local breaker, failures, wait, slow = standing(record)
    if slow == pass then
        local at = 3 * place
        local room, rate, burst = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
        local tokens, count, probe = size, 0, 0
        if rate > 0 then
            local passed = math.max(0, now - (record.filled_at or now))
            record.tokens = math.min(burst, (record.tokens or burst) + passed * rate)
            tokens = math.max(0, math.floor(record.tokens + 1e-6))
            if not urgent and (record.urgent_until or 0) > now then tokens = 0 end
        end
        if breaker == 2 and wait <= 0 and not chosen then
            count = math.min(1, left, room, tokens)
            probe = count
            if count > 0 then redis.call('HSET', key, 'probe_at', moment(now + $PROBE_LEASE)) end
        elseif breaker == 0 and not chosen then
            count = math.min(left, room, tokens)
            if failures > 0 then count = math.min(count, math.max(1, $THRESHOLD - failures)) end
            chosen = not spread
            if rate > 0 and tokens < 1 then wait = 1 / rate end
        end
        if rate > 0 then
            local mark = record.urgent_until or 0
            if urgent then mark = tokens > 0 and 0 or now + $URGENT_SECONDS end
            redis.call('HSET', key, 'tokens', moment(record.tokens - count), 'filled_at', moment(now),
                       'urgent_until', moment(mark))
            redis.call('EXPIRE', key, math.max($KEEP_SECONDS, redis.call('TTL', key), math.ceil(burst / rate)))
        end
        if not spread then left = left - count end
        answer[place] = {count, probe, breaker, failures, math.ceil(wait * 1000), slow}
    end
end end
answer[#KEYS] = redis.call('ZCOUNT', KEYS[#KEYS], moment(now - $FORGET_SECONDS), '+inf')
return answer
"""

_GIVE_BACK = """
local record = read(KEYS[1])
if record.tokens then redis.call('HSET', KEYS[1], 'tokens', moment(record.tokens + ARGV[1])) end
if ARGV[2] == '1' and record.opened_at then redis.call('HSET', KEYS[1], 'probe_at', moment(now)) end
"""

_SUCCEEDED = """
local record = read(KEYS[1])
if record.opened_at then
    record.opened_at, record.failures = nil, $THRESHOLD - 1
    redis.call('HDEL', KEYS[1], 'opened_at', 'probe_at')
    redis.call('HSET', KEYS[1], 'failures', record.failures, 'began_at', moment(now), 'failed_at', moment(now))
else
    record.failures = 0
    redis.call('HDEL', KEYS[1], 'failures', 'began_at', 'failed_at')
    redis.call('ZREM', KEYS[2], ARGV[1])
end
return told(record)
"""

_FAILED = """
local record, weight, is_probe = read(KEYS[1]), tonumber(ARGV[2]), ARGV[3] == '1'
if not record.opened_at and now - (record.failed_at or 0) > $FORGET_SECONDS then record.failures = 0 end
if record.failures == 0 then record.began_at = now end
record.failures = record.failures + weight
record.began_at = record.began_at or now
if record.opened_at then
    if is_probe then
        local pause = (now - record.opened_at) / $PROBE_SHARE
        record.probe_at = now + math.min($PROBE_MOST, math.max($PROBE_SECONDS, pause))
    end
elseif record.failures >= $THRESHOLD
        or (record.failures >= $STEADY_FAILURES and now - record.began_at >= $STEADY_SECONDS) then
    record.opened_at, record.probe_at = now, now + $PROBE_SECONDS
end
redis.call('HSET', KEYS[1], 'failures', record.failures, 'began_at', moment(record.began_at), 'failed_at', moment(now))
if record.opened_at then
    redis.call('HSET', KEYS[1], 'opened_at', moment(record.opened_at), 'probe_at', moment(record.probe_at or now))
end
redis.call('EXPIRE', KEYS[1], math.max($KEEP_SECONDS, redis.call('TTL', KEYS[1])))
redis.call('ZADD', KEYS[2], moment(now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', moment(now - $KEEP_SECONDS))
redis.call('EXPIRE', KEYS[2], $KEEP_SECONDS)
return told(record)
"""

_POSTPONE = """
local record, seconds, field = read(KEYS[1]), tonumber(ARGV[2]), ARGV[3]
record[field] = math.max(record[field] or 0, now + seconds)
redis.call('HSET', KEYS[1], field, moment(record[field]))
redis.call('EXPIRE', KEYS[1], math.max($KEEP_SECONDS, redis.call('TTL', KEYS[1]), math.ceil(seconds) + 1))
redis.call('ZADD', KEYS[2], moment(now), ARGV[1])
redis.call('EXPIRE', KEYS[2], math.max($KEEP_SECONDS, redis.call('TTL', KEYS[2]), math.ceil(seconds) + 1))
return told(record)
"""

_READ = "return told(read(KEYS[1]))"


def _script(body: str) -> str:
    return Template(_PRELUDE + body).substitute(vars(rules) | {"KEEP_SECONDS": KEEP_SECONDS})


ASK = _script(_ASK)
"""KEYS: subjects in order of preference, then the channel's destinations in trouble. ARGV: size, urgent, spread, and
for each subject room, rate (0: none) and burst. Answers, for each, count, probe, breaker, failures, wait in ms and
slow; then how many destinations are in trouble."""
GIVE_BACK = _script(_GIVE_BACK)
"""KEYS: subject. ARGV: count, whether a probe."""
SUCCEEDED = _script(_SUCCEEDED)
"""KEYS: subject, those in trouble. ARGV: subject. Answers breaker, failures, wait in ms and slow, as all below."""
FAILED = _script(_FAILED)
"""KEYS: subject, those in trouble. ARGV: subject, weight, whether a probe."""
POSTPONE = _script(_POSTPONE)
"""KEYS: subject, those in trouble. ARGV: subject, seconds, and the field: closed_until or slow_until."""
READ = _script(_READ)
"""KEYS: subject."""
