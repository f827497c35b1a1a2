-- Does what a test tells it to, in one word at the beginning of a line.

local words = {}

function words.echo(p, rest)
	p:send("[" .. #rest .. "] " .. rest .. "\n")
end

-- flood N: N lines of 100 bytes to him who asks, at once
function words.flood(p, rest)
	local line = string.rep("f", 99) .. "\n"
	for _ = 1, tonumber(rest) do
		p:send(line)
	end
end

-- all N: N numbered lines of 1,000 bytes to everyone, a few each frame
function words.all(_, rest)
	for n = 1, tonumber(rest) do
		local line = string.format("%08d %s\n", n, string.rep("a", 990))
		for p in players() do
			p:send(line)
		end
		if n % 20 == 0 then
			waitframe()
		end
	end
end

-- later S: says so S seconds later
function words.later(p, rest)
	wait(tonumber(rest))
	p:send("later\n")
end

function words.kick(p, rest)
	p:kick(rest)
end

function words.log(p, rest)
	log.info("talker: " .. rest)
	p:send("logged\n")
end

function words.name(p, rest)
	local ok, why = pcall(function()
		p.name = rest
	end)
	p:send(ok and "named" or "not named")
	if not ok then
		log.warn("talker: no name: " .. why .. ": " .. rest)
	end
end

local crowd

-- crowd: a text to a list of all who are here now
function words.crowd()
	crowd = list()
	for p in players() do
		crowd:add(p)
	end
	crowd:send("dinner")
end

-- whence: what is known of where he comes from
function words.whence(p)
	p:send(tostring(p.dns) .. " " .. tostring(p.ident) .. "\n")
end

-- lookup: whence he comes, once it is known
function words.lookup(p)
	p:lookup()
end

function words.fail()
	error("on purpose")
end

game.on("start", function()
	log.info("talker: open")
end)

game.on("join", function(p)
	p:send("hello " .. p.protocol .. "\n")
end)

game.on("restore", function() end)

game.on("lookup", function(p, which)
	p:send(which .. " is " .. p[which] .. "\n")
end)

game.on("stop", function(why)
	log.info("talker: stop " .. why)
	for p in players() do
		p:send("see you soon\n")
	end
end)

game.on("input", function(p, line)
	local word, rest = line:match("^(%a+) ?(.*)$")
	if words[word] then
		words[word](p, rest)
	else
		p:send("<" .. line .. ">\n")
	end
end)
