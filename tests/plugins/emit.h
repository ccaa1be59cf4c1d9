/* What the test kernel emit yields, for who checks it. */
#ifndef VELUM_TESTS_EMIT_H
#define VELUM_TESTS_EMIT_H

#include <stdbool.h>
#include <stdint.h>

#define EMIT_BYTE(unit, i) ((uint8_t)((unit)*131 + (i)*7 + ((i) >> 9)))

#endif
