/* An expression of i as a kernel: its C source, written around what the user has typed, and the
 * arguments by which it is planned.
 *
 *   i    int64_t, each number of the range, both ends included
 *   x    x[0], x[1], ...: the words behind the range; int64_t where all are whole numbers, else
 *        double
 *
 * Whether the expression is whole or real the compiler decides, by its type. Pure but for what is
 * wrong, which is said here, with an exit code. Called by run.c. */
#ifndef VELUM_CMD_EXPRESSION_H
#define VELUM_CMD_EXPRESSION_H

#include "core/base/bytes.h"
#include "core/wire/order.h"

#define EXPRESSION_NAME "expression" /* of the file, in what the compiler says, and of the kernel */
#define EXPRESSION_SIZE_MAX 4096u
#define EXPRESSION_REDUCE "sum|min|max|count|argmin|xor|first"

struct expression {
    char source[8 * EXPRESSION_SIZE_MAX];
    size_t len;
    char words[ARGS_COUNT_MAX][24]; /* the arguments of its plan: numbers as their 64 bits */
    char *args[ARGS_COUNT_MAX];
    int count;
};

/* 0 or an exit code. reduce is one of the words above; argv: the range, and the parameters. */
int expression_make(struct expression *e, const char *text, const char *reduce, int argc,
                    char *const *argv);

#endif
