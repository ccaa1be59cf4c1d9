/* ensure(x): for what cannot happen, kept on in release. On a board it resets. Never on what a
 * peer, a disk, a file or a user sent. */
#ifndef VELUM_BASE_ENSURE_H
#define VELUM_BASE_ENSURE_H

/* Supplied once per link set: core/host prints and aborts, firmware resets,
 * tests print and abort. */
_Noreturn void ensure_failed(const char *what, const char *file, int line);

/* Without its checks a build only tells what they cost (tests/bench, row ensure). */
#ifdef VELUM_NO_ENSURE
#define ensure(x) ((void)(x))
#else
#define ensure(x) ((x) ? (void)0 : ensure_failed(#x, __FILE__, __LINE__))
#endif

#endif
