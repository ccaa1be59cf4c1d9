/* Before the source of a snippet: what its data begins with, on a page of its own. libtcc puts the
 * code before it, and no machine has larger pages than this. Not for including. */
char velum_data_begins[16] __attribute__((aligned(65536))) = {1};
