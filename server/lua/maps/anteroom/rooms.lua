-- The rooms: a name, what is there, and which way leads to which room.
-- How the lines of a text are broken here does not matter: see screen.wrap.

return {
	hall = {
		name = "the hall",
		text = [[
A fire mutters in the great hearth, and the coats of many travellers steam
along the wall. Whoever is new in the house begins here.]],
		exits = { north = "library", east = "kitchen", south = "garden" },
	},
	library = {
		name = "the library",
		text = [[
Shelves climb into the dark. It smells of leather and dust, and your steps
make no sound on the carpet. A narrow ladder goes up through a hatch.]],
		exits = { south = "hall", up = "attic" },
	},
	attic = {
		name = "the attic",
		text = [[
Rain taps on the tiles a hand above your head. Among the trunks stands a
rocking chair; it is still moving a little.]],
		exits = { down = "library" },
	},
	kitchen = {
		name = "the kitchen",
		text = [[
Something with onions simmers on the stove, and bread cools on the sill.
The floor is warm. Stone steps lead down to where it is not.]],
		exits = { west = "hall", down = "cellar" },
	},
	cellar = {
		name = "the cellar",
		text = [[
It is cold, and somewhere water drips into a barrel, slowly, as if it were
counting. The shelves hold apples and jars nobody has labelled.]],
		exits = { up = "kitchen" },
	},
	garden = {
		name = "the garden",
		text = [[
Gravel crunches under your feet. There are bees in the lavender, and behind
the hedge you can hear the road by which all guests come.]],
		exits = { north = "hall" },
	},
}
