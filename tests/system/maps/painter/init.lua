-- Shows the same coloured text to one, to a list and to all: what each client makes of it is its own.

local crowd = list()
local words = {}

function words.one(p, rest)
	p:send(fmt("one {bold #ff8800}%s{/}.", rest))
end

function words.crowd(_, rest)
	crowd:send(fmt("crowd {red}%s{/}.", rest))
end

function words.all(_, rest)
	all:send(fmt("all {red}%s{/}.", rest))
end

function words.plain(_, rest)
	all:send("plain " .. rest .. ".")
end

function words.gmcp(_, rest)
	crowd:gmcp("Crowd.Said", { text = rest })
	all:gmcp("All.Said", { text = rest })
end

function words.caps(p)
	p:send("caps " .. json.encode(p.caps))
end

function words.colours(p, rest)
	p.colours = rest ~= "auto" and rest or nil
	p:send("so be it")
end

game.on("join", function(p)
	crowd:add(p)
	p:send("hello")
end)

game.on("restore", function(p)
	crowd:add(p)
end)

game.on("input", function(p, line)
	local word, rest = line:match("^(%a+) ?(.*)$")
	words[word](p, rest)
end)
