/* The measure of what is durable: records of one size, written to a file that is there already,
 * with an fdatasync after each group. Records a second; errors end the program. */
#ifndef VELUM_BENCH_GROUP_COMMIT_H
#define VELUM_BENCH_GROUP_COMMIT_H

#include <stddef.h>

double group_commit(const char *path, size_t records, size_t size, size_t group);

#endif
