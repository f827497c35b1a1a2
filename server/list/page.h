/* The list as a page: plain HTML that needs no script, made to be read aloud as well as looked at. */
#ifndef SERVER_LIST_PAGE_H
#define SERVER_LIST_PAGE_H

#include "common/buf.h"
#include "server/list/record.h"

enum { PAGE_ROWS = 100 }; /* on one page */

extern const char page_style[]; /* served as /style.css */

struct page {
	struct buf *out;  /* borrowed */
	const char *game; /* borrowed: only of this one; NULL = of all */
	size_t start, rows;
	bool no_memory; /* out is not whole */
};

/* In this order. Texts that servers say are escaped; control characters in them become blanks. */
void page_begin(struct page *p);
void page_row(struct page *p, const struct record *r, int64_t now);
void page_end(struct page *p, size_t total);

#endif
