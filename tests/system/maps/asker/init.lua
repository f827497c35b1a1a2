-- Asks other servers what a player says in JSON, and tells him in JSON what came of it.

game.on("input", function(player, line)
	local want = json.decode(line)
	if type(want) ~= "table" then
		player:send("you said " .. line .. "\n")
		return
	end
	local function told(code, answer, data)
		answer = utf8.len(answer) and answer or #answer .. " bytes"
		player:send(json.encode({ id = want.id, code = code, answer = answer, data = data }) .. "\n")
	end
	local result, why = create_api_request(want.url, want.method or "get", want.named or told,
		want.data)
	if result ~= 0 then
		player:send(json.encode({ id = want.id, result = result, why = why }) .. "\n")
	end
end)
