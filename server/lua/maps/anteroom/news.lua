-- What has changed in the house, newest first.

return {
	{
		date = "21 November",
		text = "You can give your name a password: type password. Then it is yours alone.",
	},
	{
		date = "20 November",
		text = "The house shows colours to those who can see them. Type colours to choose.",
	},
	{
		date = "1 November",
		text = "The house is open. Nobody has to leave any more when it is rebuilt.",
	},
}
