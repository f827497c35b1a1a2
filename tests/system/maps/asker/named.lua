-- For those that are named by text.

local named = {}

function named.told(code, answer, data)
	waitframe()
	all:send(json.encode({ id = data, code = code, answer = answer }) .. "\n")
end

return named
