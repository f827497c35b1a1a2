local M = {}

function M.by_name(query)
	return "by name, " .. #query .. " in the query"
end

return M
