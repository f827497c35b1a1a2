/* What a line that is begun can go on with: the usage in the tables of commands says it. */
#ifndef COMMON_COMPLETE_H
#define COMMON_COMPLETE_H

#include <jansson.h>

#include "common/command.h"

/* Adds, with complete_add, all that there is of a kind: what stands in <...> of a usage. */
typedef void (*complete_kind)(void *owner, const char *kind, const char *beginning, json_t *all);

/* Adds word to the array if it begins so (whatever the case of its letters), is not in it, and
 * there are not 200 already. */
void complete_add(json_t *all, const char *word, const char *beginning);

/* For the command `complete`, whose arguments are the words of the line, the last of which is begun (it
 * may be empty): an array of what it can be. rows is what command_help answers, and is the caller's; the
 * first word is the name of one. Of "<name|key> [force] [all|<map>]" the second word can be "force", and
 * since that may be left out, "all" and a map too. New reference; NULL when memory is out. */
json_t *complete_line(const struct call *call, const json_t *rows, complete_kind kind, void *owner);

#endif
