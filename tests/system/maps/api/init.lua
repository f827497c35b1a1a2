-- Answers requests in every way that a script can; the first are NightFall's own test cases.

log.info("registered " .. register_api_route("/test", "get", function() return "yay!" end))

register_api_route("/nightfall", "get", function()
	unregister_api_route("/nightfall", "get")
	local answer = {}
	answer[0] = "one"
	answer[1] = "two"
	answer[2] = "three"
	return answer
end)

register_api_route("/echo", "get", function(query, request)
	return json.encode({ query = query, request = request })
end)
register_api_route("/echo", "post", function(value, request)
	return json.encode({ value = value or "nothing", request = request })
end)
for _, method in ipairs({ "put", "PATCH", "Delete" }) do
	register_api_route("/any", method, function(_, request) return request.method end)
end
register_api_route("/room/{name}", "get", function(_, request) return request.parts.name end)
register_api_route("/room/hall", "get", function() return "the hall" end)

register_api_route("/wait", "get", function() wait(0.1) return "waited" end)
register_api_route("/waitframe", "get", function() waitframe() return "a frame later" end)
register_api_route("/forever", "get", function() while true do wait(1) end end)
register_api_route("/spin", "get", function() while true do end end)
register_api_route("/error", "get", function() error("a mistake") end)
register_api_route("/deep", "get", function()
	local t = {}
	for _ = 1, 70 do t = { t } end
	return t
end)
register_api_route("/cycle", "get", function() local t = {} t.t = t return t end)
register_api_route("/large", "get", function() return ("x"):rep(200000) end)

register_api_route("/reply", "get", function()
	return api.reply(201, "<p>made</p>", { ["Content-Type"] = "text/html", ["X-Made"] = "yes" })
end)
register_api_route("/split", "get", function(query)
	return api.reply(200, "", { ["X-Name"] = query[1].value })
end)
register_api_route("/header", "get", function(query)
	return api.reply(200, "", { [query[1].value] = "x" })
end)

register_api_route("/file", "get", "more/answers.lua::by_name")
register_api_route("/global", "get", "init.lua::a_global")
register_api_route("/nowhere", "get", "nowhere.lua::f")
_G.a_global = function() return "a global" end

register_api_route("/codes", "get", function()
	return constarray(
		register_api_route("/new", "get", print), register_api_route("/new", "GET", print),
		register_api_route("", "get", print), register_api_route("/x", "brew", print),
		register_api_route("/x", "get"), register_api_route("/test", "get"),
		unregister_api_route("/new", "get"), unregister_api_route("/new", "get"),
		unregister_api_route("", "get"), unregister_api_route("/x", "brew"))
end)
register_api_route("/frames", "get", function() return cvar("sv_fps") end)

register_api_route("/shout", "post", function(value)
	return api.event("shout", { text = value })
end)
game.on("join", function(player) player.name = "Visitor" end)
