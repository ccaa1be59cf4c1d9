/* FILE.part of cmd/sink.h and another command that becomes ready while this one begins: between the
 * open and the lock, which is where flock(2) of this file stands. */
#include "cmd/sink.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "core/object/name.h"
#include "tests/lib/check.h"

static void (*meanwhile)(void); /* what the other does, once for each lock */

int flock(int fd, int operation)
{
    if (meanwhile)
        meanwhile();
    return (int)syscall(SYS_flock, fd, operation);
}

static void write_file(const char *path, const char *text, int flags)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    REQUIRE(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static bool has(const char *path, const char *text)
{
    char got[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, got, sizeof got - 1) : -1;
    if (fd >= 0)
        close(fd);
    return n >= 0 && strcmp(got, text) == 0;
}

static void begin(void)
{
    meanwhile = NULL;
    unlink("out");
    unlink("out.part");
    write_file("out.part", "the first", O_TRUNC);
}

static void becomes_ready(void)
{
    meanwhile = NULL;
    REQUIRE(rename("out.part", "out") == 0);
}

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

TEST(the_file_of_one_that_has_become_ready_is_not_written)
{
    struct sink *s;
    struct digest name;
    begin();
    meanwhile = becomes_ready;
    REQUIRE(sink_open(&s, "out") == 0);
    CHECK_INT(sink_at(s), 0);
    CHECK_INT(sink_begin(s, 6, 0), 0);
    CHECK_INT(sink_put(s, bytes_of("second")), 0);
    CHECK(has("out", "the first"));
    CHECK_INT(sink_name(s, &name), 0);
    CHECK(digest_equal(name, object_name_of(bytes_of("second"))));
    CHECK_INT(sink_keep(s), 0);
    sink_close(s);
    CHECK(has("out", "second"));
    CHECK(access("out.part", F_OK) != 0);
}

static void writes_on(void)
{
    meanwhile = NULL;
    write_file("out.part", " and more", O_APPEND);
}

TEST(what_another_has_written_before_it_ended_is_seen)
{
    struct sink *s;
    begin();
    meanwhile = writes_on;
    REQUIRE(sink_open(&s, "out") == 0);
    CHECK_INT(sink_at(s), strlen("the first and more"));
    sink_close(s);
}

static int third = -1;

static void becomes_ready_and_a_third_begins(void)
{
    becomes_ready();
    write_file("out.part", "", O_TRUNC);
    third = open("out.part", O_RDWR | O_CLOEXEC);
    REQUIRE(third >= 0 && flock(third, LOCK_EX | LOCK_NB) == 0);
}

TEST(the_file_of_a_third_is_left_alone)
{
    struct sink *s;
    begin();
    meanwhile = becomes_ready_and_a_third_begins;
    CHECK_INT(sink_open(&s, "out"), CODE_FAILED);
    close(third);
    sink_close(s);
    CHECK(has("out", "the first"));
    CHECK(access("out.part", F_OK) == 0);
}

static void becomes_ready_again_and_again(void)
{
    REQUIRE(rename("out.part", "out") == 0);
}

TEST(one_that_is_always_late_gives_up)
{
    struct sink *s;
    begin();
    meanwhile = becomes_ready_again_and_again;
    CHECK_INT(sink_open(&s, "out"), CODE_FAILED);
    meanwhile = NULL;
    sink_close(s);
}

TEST(to_try_leaves_no_trace_and_takes_nothing)
{
    begin();
    CHECK_INT(sink_try(NULL), 0);
    CHECK_INT(sink_try("-"), 0);
    CHECK_INT(sink_try("out"), 0);
    CHECK(has("out.part", "the first"));
    unlink("out.part");
    write_file("out", "what was there", O_TRUNC);
    CHECK_INT(sink_try("out"), 0);
    CHECK(has("out", "what was there"));
    CHECK(access("out.part", F_OK) != 0);
    CHECK_INT(sink_try("no/such/folder/out"), CODE_FAILED);
    CHECK_INT(sink_try("."), CODE_MISUSE);
}

TEST(a_pipe_without_a_reader_is_not_waited_for)
{
    begin();
    REQUIRE(mkfifo("out", 0600) == 0);
    CHECK_INT(sink_try("out"), 0);
    unlink("out");
}

TEST_MAIN(to_try_leaves_no_trace_and_takes_nothing, a_pipe_without_a_reader_is_not_waited_for,
          the_file_of_one_that_has_become_ready_is_not_written,
          what_another_has_written_before_it_ended_is_seen, the_file_of_a_third_is_left_alone,
          one_that_is_always_late_gives_up)
