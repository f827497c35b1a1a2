#include "common/secret.h"

#include <assert.h>
#include <sys/mman.h>

/* Bytes of a slot, struct secret included: so that a value wastes a third of its slot at most. The
 * largest divide a slab with as little left over as can be. */
static const uint16_t sizes[] = {
	32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1360, 1808, 2176, 2720, 3264, 4092};

_Static_assert(sizeof sizes / sizeof sizes[0] == SECRET_SIZES, "a list of slabs for each size");

/* The head of a slab. Slabs are aligned to their size, so that a value finds it. */
struct secret_slab {
	struct secrets *all;             /* borrowed: outlives us */
	struct secret_slab *next, *prev; /* of all->open[size], while a slot is free */
	uint16_t size;                   /* index in sizes */
	uint16_t used, fresh;            /* slots that are taken, and that were ever */
	uint16_t first_free;             /* index + 1 of a slot that was freed; 0 = none */
	bool is_open;
};

static struct secret_slab *slab_of(struct secret *s)
{
	return (struct secret_slab *)((uintptr_t)s & ~(uintptr_t)(SECRET_SLAB - 1));
}

static unsigned slots_of(unsigned size)
{
	return (SECRET_SLAB - (unsigned)sizeof(struct secret_slab)) / sizes[size];
}

static struct secret *slot_at(struct secret_slab *slab, unsigned i)
{
	return (struct secret *)(void *)((uint8_t *)(slab + 1) + (size_t)i * sizes[slab->size]);
}

static void open_slab(struct secret_slab *slab)
{
	struct secret_slab **head = &slab->all->open[slab->size];

	slab->prev = NULL;
	slab->next = *head;
	if (*head != NULL)
		(*head)->prev = slab;
	*head = slab;
	slab->is_open = true;
}

static void shut_slab(struct secret_slab *slab)
{
	if (slab->prev != NULL)
		slab->prev->next = slab->next;
	else
		slab->all->open[slab->size] = slab->next;
	if (slab->next != NULL)
		slab->next->prev = slab->prev;
	slab->is_open = false;
}

/* From the kernel: aligned, all zero, never dumped. */
static void *map_slab(void)
{
	uint8_t *mem = mmap(NULL, 2 * SECRET_SLAB, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		return NULL;
	size_t before = (size_t)(-(uintptr_t)mem & (SECRET_SLAB - 1));
	if (before > 0)
		munmap(mem, before);
	munmap(mem + before + SECRET_SLAB, SECRET_SLAB - before);
	if (madvise(mem + before, SECRET_SLAB, MADV_DONTDUMP) == 0)
		return mem + before;
	munmap(mem + before, SECRET_SLAB); /* better not kept than dumped */
	return NULL;
}

static struct secret_slab *new_slab(struct secrets *all, unsigned size)
{
	struct secret_slab *slab = map_slab();

	if (slab == NULL)
		return NULL;
	slab->all = all;
	slab->size = (uint16_t)size;
	all->slabs++;
	open_slab(slab);
	return slab;
}

static void give_back(struct secret_slab *slab)
{
	shut_slab(slab);
	slab->all->slabs--;
	munmap(slab, SECRET_SLAB);
}

static struct secret *take_slot(struct secret_slab *slab)
{
	struct secret *s;

	if (slab->first_free > 0) {
		s = slot_at(slab, slab->first_free - 1u);
		slab->first_free = (uint16_t)s->len; /* of a free slot: the next free one */
	} else {
		s = slot_at(slab, slab->fresh++);
	}
	if (++slab->used == slots_of(slab->size))
		shut_slab(slab);
	return s;
}

struct secret *secret_new(struct secrets *all, struct slice bytes)
{
	unsigned size = 0;

	if (bytes.len > SECRET_MAX)
		return NULL;
	while (sizes[size] < sizeof(struct secret) + bytes.len)
		size++;
	struct secret_slab *slab = all->open[size];
	if (slab == NULL)
		slab = new_slab(all, size);
	if (slab == NULL)
		return NULL;
	struct secret *s = take_slot(slab);
	s->len = (uint32_t)bytes.len;
	if (bytes.len > 0)
		memcpy(s->bytes, bytes.at, bytes.len);
	all->count++;
	all->bytes += bytes.len;
	return s;
}

void secret_free(struct secret *s)
{
	if (s == NULL)
		return;
	struct secret_slab *slab = slab_of(s);
	size_t slot = (size_t)((uint8_t *)s - (uint8_t *)(slab + 1)) / sizes[slab->size];

	slab->all->count--;
	slab->all->bytes -= s->len;
	explicit_bzero(s->bytes, s->len);
	s->len = slab->first_free;
	slab->first_free = (uint16_t)(slot + 1);
	slab->used--;
	if (!slab->is_open)
		open_slab(slab);
	/* One empty slab of a size stays, for who saves and deletes in turn. */
	if (slab->used == 0 && (slab->next != NULL || slab->prev != NULL))
		give_back(slab);
}

void secrets_free(struct secrets *all)
{
	assert(all->count == 0);
	for (unsigned size = 0; size < SECRET_SIZES; size++)
		while (all->open[size] != NULL)
			give_back(all->open[size]);
}
