-- Keeps in the store how often each word was said, and tells.

game.on("input", function(player, word)
	if word == "all" then
		for said, times in pairs(store.words) do
			player:send(said .. " " .. times .. "\n")
		end
		player:send("that is all\n")
	else
		store.words[word] = (store.words[word] or 0) + 1
		player:send(word .. " was said " .. store.words[word] .. "\n")
	end
end)
