-- Sends the requests of a file in turn; says what came of it in one line of JSON. The file is a Lua table of whole requests.
local requests
local at = 0

function init(args)
  requests = dofile(args[1])
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  local numbers = {
    '"requests":%d', summary.requests,
    '"microseconds":%d', summary.duration,
    '"p50":%d', latency:percentile(50),
    '"p99":%d', latency:percentile(99),
    '"refused":%d', errors.status,
    '"broken":%d', errors.connect + errors.read + errors.write + errors.timeout,
  }
  local parts = {}
  for i = 1, #numbers, 2 do
    parts[#parts + 1] = string.format(numbers[i], numbers[i + 1])
  end
  io.write("\n{" .. table.concat(parts, ",") .. "}\n")
end
