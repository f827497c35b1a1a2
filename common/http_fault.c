#include "common/http_fault.h"

static const struct {
	const char *name, *text;
	unsigned status;
} faults[] = {
	{"none", "nothing is wrong", 200},
#define HTTP_FAULT(NAME, name, status, text) {#name, text, status},
#include "common/http_faults.def"
};

const char *http_fault_name(enum http_fault fault)
{
	return faults[fault].name;
}

unsigned http_fault_status(enum http_fault fault)
{
	return faults[fault].status;
}

const char *http_fault_text(enum http_fault fault)
{
	return faults[fault].text;
}
