/* The functions that a kernel in C may call beside those of the table it is given: what the headers
 * of core/host/snippet declare, and what libtcc calls behind one's back instead of making code for
 * it. Whatever they return is the same on every machine, and the same for a snippet as for the
 * plugin of its source. Called by snippet.c, elf_check.c and elf_load.c. */
#ifndef VELUM_HOST_SNIPPET_SYMBOLS_H
#define VELUM_HOST_SNIPPET_SYMBOLS_H

/* Calls for each. */
void snippet_symbols(void (*give)(void *ctx, const char *name, const void *address), void *ctx);
/* The one of that name, or NULL. */
const void *snippet_symbol(const char *name);

#endif
