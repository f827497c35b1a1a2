-- The commands about the house, and about how it looks to somebody.

local accounts = require("accounts")
local news = require("news")
local people = require("people")
local rooms = require("rooms")
local screen = require("screen")

-- What only admins are told: where somebody comes from, and with what.
local function origin(p)
	local caps = p.caps
	local client = caps.client or caps.terminal or "an unknown client"
	if caps.version then
		client = client .. " " .. caps.version
	end
	local address = p.ip
	if p.dns and p.dns ~= "unresolved" and p.dns ~= "unsupported" then
		address = address .. " (" .. p.dns .. ")"
	end
	return ", " .. p.key .. " from " .. address .. " by " .. p.protocol .. ", with " .. client
end

-- So many are told one by one, the others counted.
local told_most = 50

-- Those who have not said their names yet: the first of them, and how many there are in all.
local function at_the_door(most)
	local found, number = {}, 0
	for p in players() do
		if not (people.of[p] and people.of[p].room) then
			number = number + 1
			found[#found + 1] = number <= most and p or nil
		end
	end
	return found, number
end

local function show_where(caller, p, where)
	local idle = p.idle >= 60 and ", idle for " .. p.idle // 60 .. " min" or ""
	local from = caller.role == "admin" and origin(p) or ""
	caller:send(fmt("{bold}%s{/} %s%s%s.", p.name or "Somebody", where, idle, from))
end

-- Behind the list of some of them.
local function show_number(caller, number, shown, beginning)
	if number > shown then
		caller:send(fmt("%d more. Type {bold}who{/} and the beginning of a name to see whose begin so.",
			number - shown))
	end
	if beginning ~= "" then
		caller:send(number == 0 and "Nobody's name begins so."
			or number == 1 and "One name begins so." or number .. " names begin so.")
	else
		caller:send(number == 0 and "There is nobody." or number == 1 and "There is nobody else."
			or number .. " people in all.")
	end
end

command("who", {
	usage = "[<name>]",
	help = "everyone in the house, or whose names begin so",
}, function(caller, words)
	local beginning = words[1] or ""
	local shown, number = people.beginning(beginning, told_most)
	for _, p in ipairs(shown) do
		show_where(caller, p, "is in " .. rooms[people.of[p].room].name)
	end
	local count = #shown
	if caller.role == "admin" and beginning == "" then
		local waiting, more = at_the_door(told_most - count)
		for _, p in ipairs(waiting) do
			show_where(caller, p, "is at the door")
		end
		count, number = count + #waiting, number + more
	end
	show_number(caller, number, count, beginning)
end)

local function show_help(p, found)
	local title = found.name .. (found.usage ~= "" and " " .. found.usage or "")
	p:send(fmt("{bold}%s{/}: %s", title, screen.wrap(p, found.help, #title + 2)))
end

command("help", { usage = "[<command>]", help = "this list, or about one command", where = "game" },
	function(p, words)
		local wanted = words[1] and words[1]:lower()
		local list, others = command.list(p), {}
		table.sort(list, function(a, b)
			return a.name < b.name
		end)
		for _, found in ipairs(list) do
			if found.name == wanted then
				show_help(p, found)
				return
			end
		end
		if wanted then
			p:send('"' .. wanted .. '" is not a word this house knows.')
			return
		end
		for _, found in ipairs(list) do
			if found.who == "all" then
				show_help(p, found)
			else
				others[#others + 1] = found.name
			end
		end
		if #others > 0 then
			local names = table.concat(others, ", ")
			p:send(screen.wrap(p, "For admins: " .. names .. ". For more: help and one of them."))
		end
	end)

command("news", { help = "what has changed in the house", where = "game" }, function(p)
	for _, item in ipairs(news) do
		p:send(fmt("{bold}%s{/}: %s", item.date, screen.wrap(p, item.text, #item.date + 2)))
	end
end)

command("quit", { help = "leaves", where = "game" }, function(p)
	p:kick("Goodbye, " .. p.name .. ".")
end)

-- As many as his client says it has, if it says so; else what every terminal has had for decades.
local function all_there_are(caps)
	local colors = caps.colors or 0
	return colors > 256 and "true" or colors == 256 and "256" or "16"
end

command("colours", {
	usage = "[on|off|auto|16|256|true]",
	help = "whether you are shown colours; auto: what your client can, none for screen readers",
	where = "game",
}, function(p, words)
	local choices = { off = "none", auto = "auto", ["16"] = "16", ["256"] = "256", ["true"] = "true" }
	choices.on = all_there_are(p.caps)
	local choice = words[1] and choices[words[1]:lower()]
	if choice then
		p.colours = choice ~= "auto" and choice or nil
		accounts.change(p.name, { colours = p.colours or false })
	elseif words[1] then
		p:send("Colours can be on, off, auto, 16, 256 or true.")
		return
	end
	p:send(fmt("Colours are %s: {red}red{/}, {green}green{/}, {blue}blue{/}, {#ff8800}orange{/}.",
		p.colours == "none" and "off" or p.colours or "auto"))
end)

command("prompt", {
	usage = "[on|off|auto]",
	help = "whether a prompt is shown where a line is awaited; auto: not to screen readers",
	where = "game",
}, function(p, words)
	local choice = words[1] and words[1]:lower()
	if choice == "on" or choice == "off" then
		people.change(p, { prompt = choice })
	elseif choice == "auto" then
		people.change(p, { prompt = false })
	elseif choice then
		p:send("The prompt can be on, off or auto.")
		return
	end
	p:send("The prompt is " .. (people.of[p].prompt or "auto") .. ".")
end)
