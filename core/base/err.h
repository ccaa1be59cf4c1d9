/* One list of everything that can go wrong, code and sentence together.
 *
 * Fallible functions return int: >= 0 is success or a count, < 0 is one of these codes. The
 * sentence is what a user may read after a colon; the layer that can name what the user wanted puts
 * its own words before it. */
#ifndef VELUM_BASE_ERR_H
#define VELUM_BASE_ERR_H

#define ERR_LIST(X)                                                                                \
    X(NO_MEMORY, 1, "out of memory")                                                               \
    X(FULL, 2, "a table or queue is at its written maximum")                                       \
    X(SHORT, 3, "more bytes are needed")                                                           \
    X(FORMAT, 4, "the bytes are not in the agreed form")                                           \
    X(CHECKSUM, 5, "a checksum does not match")                                                    \
    X(VERSION, 6, "a protocol or format version this executable does not speak")                   \
    X(TOO_LARGE, 7, "larger than the written limit")                                               \
    X(ARGUMENT, 8, "an argument is not allowed")                                                   \
    X(NOT_FOUND, 9, "no such thing")                                                               \
    X(EXISTS, 10, "it is already there")                                                           \
    X(BUSY, 11, "somebody else is using it")                                                       \
    X(IO, 12, "reading or writing failed")                                                         \
    X(NO_SPACE, 13, "no space left on the disk")                                                   \
    X(SYNC, 14, "a sync failed, so nothing that depended on it is acknowledged")                   \
    X(PERMISSION, 15, "permission denied, or the permissions are too loose")                       \
    X(REFUSED, 16, "the connection was refused")                                                   \
    X(UNREACHABLE, 17, "no answer")                                                                \
    X(IDENTITY, 18, "the other side is not who it must be")                                        \
    X(SIGNATURE, 19, "a signature does not verify")                                                \
    X(TIMEOUT, 20, "time ran out")                                                                 \
    X(CANCELLED, 21, "it was cancelled")                                                           \
    X(DAMAGED, 22, "stored bytes are damaged")                                                     \
    X(KERNEL, 23, "the kernel refused or failed")                                                  \
    X(UNSUPPORTED, 24, "this build or machine cannot do that")                                     \
    X(CLOSED, 25, "the other side has gone")                                                       \
    X(SYSTEM, 26, "the operating system refused")

enum err {
#define ERR_ENUM(name, number, sentence) ERR_##name = -(number),
    ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
};

/* The sentence of a code; for a number not in the list "unknown error". Never NULL. */
const char *err_sentence(int code);

#endif
