/* What every test program written in C is made of. Header only.
 *
 *     TEST(test_empty) { CHECK_INT(count_of(""), 0); }
 *     TEST_MAIN(test_empty, test_full)
 *
 * A failed CHECK prints one line "FAIL name file:line: what" and the test goes on; REQUIRE leaves
 * the test. A test that passed prints "ok name"; SKIP(reason) prints "SKIP name reason" and leaves.
 * The program exits 1 when anything failed. Arguments choose tests by name. */
#ifndef VELUM_TESTS_CHECK_H
#define VELUM_TESTS_CHECK_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check_test {
    const char *name;
    void (*run)(void);
};

struct check_state {
    const char *name;
    int failures; /* of this test */
    bool skipped;
    jmp_buf leave;
};

/* One of a program, whichever of its files a CHECK stands in. */
extern struct check_state check_state;
__attribute__((weak)) struct check_state check_state;

/* Under sanitizers all takes several times as long, and they see in a part of many like cases what
 * they would see in all of them: the plain build is the one that goes through all. */
#ifdef __SANITIZE_ADDRESS__
#define CHECK_SANITIZED true
#else
#define CHECK_SANITIZED false
#endif

#define CHECK_LINES_MAX 10 /* a loop that fails each time is not worth more lines */

static inline bool check_failed(const char *file, int line)
{
    if (++check_state.failures > CHECK_LINES_MAX)
        return false;
    printf("FAIL %s %s:%d: ", check_state.name, file, line);
    return true;
}

static inline bool check_true(bool held, const char *what, const char *file, int line)
{
    if (!held && check_failed(file, line))
        printf("%s\n", what);
    return held;
}

static inline bool check_int(long long a, long long b, const char *what, const char *file, int line)
{
    if (a != b && check_failed(file, line))
        printf("%s: %lld is not %lld\n", what, a, b);
    return a == b;
}

static inline bool check_str(const char *a, const char *b, const char *what, const char *file,
                             int line)
{
    bool held = a && b ? strcmp(a, b) == 0 : a == b;
    if (!held && check_failed(file, line))
        printf("%s: \"%s\" is not \"%s\"\n", what, a ? a : "(null)", b ? b : "(null)");
    return held;
}

static inline void check_print_hex(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n && i < 64; i++)
        printf("%02x", p[i]);
}

static inline bool check_mem(const void *a, const void *b, size_t n, const char *what,
                             const char *file, int line)
{
    bool held = n == 0 || memcmp(a, b, n) == 0;
    if (!held && check_failed(file, line)) {
        printf("%s: ", what);
        check_print_hex(a, n);
        printf(" is not ");
        check_print_hex(b, n);
        printf("\n");
    }
    return held;
}

static inline _Noreturn void check_leave(void)
{
    longjmp(check_state.leave, 1);
}

static inline _Noreturn void check_skip(const char *reason)
{
    printf("SKIP %s %s\n", check_state.name, reason);
    check_state.skipped = true;
    check_leave();
}

static inline bool check_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc <= 1;
}

static inline bool check_run(const struct check_test *test)
{
    check_state.name = test->name;
    check_state.failures = 0;
    check_state.skipped = false;
    if (setjmp(check_state.leave) == 0)
        test->run();
    if (check_state.failures == 0 && !check_state.skipped)
        printf("ok %s\n", test->name);
    return check_state.failures == 0;
}

static inline int check_main(const struct check_test *tests, size_t count, int argc, char **argv)
{
    bool all_held = true;
    /* A crash must not swallow the lines before it. */
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    for (size_t i = 0; i < count; i++)
        if (check_wanted(tests[i].name, argc, argv) && !check_run(&tests[i]))
            all_held = false;
    return all_held ? 0 : 1;
}

#define TEST(test)                                                                                 \
    static void test##_run(void);                                                                  \
    static const struct check_test test = {#test, test##_run};                                     \
    static void test##_run(void)

#define TEST_MAIN(...)                                                                             \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        const struct check_test tests[] = {__VA_ARGS__};                                           \
        return check_main(tests, sizeof tests / sizeof *tests, argc, argv);                        \
    }

#define CHECK(x) check_true((x), #x, __FILE__, __LINE__)
#define CHECK_INT(a, b) check_int((long long)(a), (long long)(b), #a, __FILE__, __LINE__)
#define CHECK_STR(a, b) check_str((a), (b), #a, __FILE__, __LINE__)
#define CHECK_MEM(a, b, n) check_mem((a), (b), (n), #a, __FILE__, __LINE__)
#define REQUIRE(x) (check_true((x), #x, __FILE__, __LINE__) ? (void)0 : check_leave())
#define SKIP(reason) check_skip(reason)

#endif
