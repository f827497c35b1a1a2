/* What can be wrong with an HTTP request, and how it is answered: the rows of http_faults.def. */
#ifndef COMMON_HTTP_FAULT_H
#define COMMON_HTTP_FAULT_H

enum http_fault {
	HTTP_FAULT_NONE,
#define HTTP_FAULT(NAME, name, status, text) HTTP_FAULT_##NAME,
#include "common/http_faults.def"
	HTTP_FAULTS
};

const char *http_fault_name(enum http_fault fault);
unsigned http_fault_status(enum http_fault fault);  /* 400, ... */
const char *http_fault_text(enum http_fault fault); /* a sentence without its full stop */

#endif
