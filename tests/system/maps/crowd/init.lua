-- For players of several multiplexers: does what a player says in one word at the beginning of a line.

local members = list()
local words = {}

function words.key(p)
	p:send("key " .. p.key .. "\n")
end

function words.all(_, rest)
	all:send("all " .. rest .. "\n")
end

function words.enter(p)
	members:add(p)
	p:send("entered\n")
end

function words.tell(_, rest)
	members:send("told " .. rest .. "\n")
end

function words.keep(p, rest)
	p:save({ text = rest })
	p.name = rest
	p:send("kept\n")
end

function words.who(p)
	local keys = {}
	for other in players() do
		keys[#keys + 1] = other.key
	end
	table.sort(keys)
	p:send("who " .. table.concat(keys, " ") .. "\n")
end

function words.accept(p, rest)
	if rest ~= "" then
		accept(rest)
	end
	p:send("accept " .. accept() .. "\n")
end

game.on("join", function(p)
	p:send("new " .. p.key .. "\n")
end)

game.on("restore", function(p, saved)
	p:send("old " .. (saved and saved.text or "nothing") .. " " .. tostring(p.name) .. "\n")
end)

game.on("leave", function(p, why)
	all:send("left " .. p.key .. " " .. why .. "\n")
end)

game.on("input", function(p, line)
	local word, rest = line:match("^(%a+) ?(.*)$")
	words[word](p, rest)
end)

-- For a player whose connection is slow.

function words.flood(p, rest)
	for _ = 1, tonumber(rest) do
		p:send(string.rep("f", 1000) .. "\n")
	end
end

game.on("slow", function(p, slow)
	log.info("crowd: " .. p.key .. " slow " .. tostring(slow) .. " " .. tostring(p.slow))
end)
