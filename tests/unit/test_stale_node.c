/* Real nodes, one of which was away for weeks: the calendar in the other's journal is put on while
 * nobody runs. Its old job is listed and not run, and the commands bring it back or drop it. */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/host/memory.h"
#include "core/host/store_file.h"
#include "core/journal/journal.h"
#include "core/node/journal_record.h"
#include "tests/lib/check.h"

#define DAY_S ((uint64_t)24 * 3600)

static char home[128], said[16384];
static unsigned ports[2];

/* Runs a command line of the shell; what it prints goes to `said`. Gives its exit code. */
static int sh(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int sh(const char *format, ...)
{
    char line[1024];
    va_list args;
    size_t len;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    FILE *out = popen(line, "r");
    REQUIRE(out != NULL);
    len = fread(said, 1, sizeof said - 1, out);
    said[len] = '\0';
    return WEXITSTATUS(pclose(out));
}

/* A job's id, and the words of whoever asks, 20 s long at most. */
static bool comes_true(const char *command, const char *words)
{
    for (int i = 0; i < 200; i++) {
        sh("%s 2>&1", command);
        if (strstr(said, words) != NULL)
            return true;
        usleep(100000);
    }
    printf("# %s: %s", command, said);
    return false;
}

static pid_t start(unsigned port)
{
    char text[8];
    snprintf(text, sizeof text, "%u", port);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(120);
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execl(getenv("VELUM"), "velum", "node", "--port", text, "--slots", "1", (char *)NULL);
        _exit(127);
    }
    REQUIRE(pid > 0);
    return pid;
}

static void stop(pid_t pid)
{
    int status = -1;
    kill(pid, SIGTERM);
    waitpid(pid, &status, 0);
    CHECK_INT(status, 0);
}

static int count(void *ctx, uint64_t sequence, uint16_t type, struct bytes payload)
{
    (void)ctx;
    (void)sequence;
    (void)type;
    (void)payload;
    return 0;
}

/* The journal of a node that does not run says that so many days have passed. */
static void put_on(unsigned port, uint64_t days)
{
    const struct journal_options o = {.feature_level = NODE_FEATURE_LEVEL};
    char folder[256];
    uint8_t bytes[8];
    struct store store;
    struct journal *j;
    snprintf(folder, sizeof folder, "%s/nodes/%u", home, port);
    store_u64(bytes, days * DAY_S);
    REQUIRE(store_file_open(&store, folder) == 0);
    REQUIRE(journal_open(&j, &host_memory, &store, &o, count, NULL, NULL) == 0);
    CHECK_INT(journal_append(j, RECORD_CALENDAR, (struct bytes){bytes, sizeof bytes}), 0);
    CHECK_INT(journal_sync(j), 0);
    CHECK_INT(journal_close(j), 0);
    store_file_close(&store);
}

static void begin(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(home, sizeof home, "%.90s/vs-XXXXXX", tmp != NULL ? tmp : "/tmp");
    REQUIRE(mkdtemp(home) != NULL && getenv("VELUM") != NULL);
    REQUIRE(setenv("VELUM_HOME", home, 1) == 0);
    unsetenv("VELUM_ADDR");
    unsetenv("VELUM_CONFIG");
    for (unsigned i = 0; i < 2; i++)
        ports[i] = 21000 + (unsigned)getpid() % 4000 * 2 + i;
}

static void end(void)
{
    CHECK_INT(sh("rm -rf '%s'", home), 0);
}

/* A long job that both hold; the second node goes; the first one ends the job, and 80 days pass. */
static pid_t weeks_pass(char job[128])
{
    char wait[256];
    pid_t first = start(ports[0]), second = start(ports[1]);
    snprintf(wait, sizeof wait, "$VELUM nodes --addr 127.0.0.1:%u", ports[0]);
    snprintf(said, sizeof said, "127.0.0.1:%u", ports[1]);
    char other[32];
    snprintf(other, sizeof other, "127.0.0.1:%u", ports[1]);
    REQUIRE(comes_true(wait, other));
    REQUIRE(sh("$VELUM run -d pi 400000000000 --name old --addr 127.0.0.1:%u 2>/dev/null",
               ports[0]) == 0);
    snprintf(job, 128, "%.*s", (int)strcspn(said, "\n"), said);
    snprintf(wait, sizeof wait, "$VELUM ps old --json --addr 127.0.0.1:%u", ports[1]);
    REQUIRE(comes_true(wait, "\"durable\":2"));
    stop(second);
    sh("$VELUM kill %s --addr 127.0.0.1:%u 2>&1", job, ports[0]);
    stop(first);
    /* First the job grows old, then its name. */
    put_on(ports[0], 8);
    first = start(ports[0]);
    snprintf(wait, sizeof wait, "$VELUM result %s --addr 127.0.0.1:%u", job, ports[0]);
    CHECK(comes_true(wait, "finished jobs are kept for 7 days"));
    stop(first);
    put_on(ports[0], 80);
    first = start(ports[0]);
    CHECK(comes_true(wait, "there is no job"));
    return first;
}

TEST(an_old_job_waits_for_a_decision)
{
    char job[128], wait[256], at[64];
    pid_t first, second;
    begin();
    first = weeks_pass(job);
    second = start(ports[1]);
    snprintf(at, sizeof at, "--addr 127.0.0.1:%u", ports[1]);
    snprintf(wait, sizeof wait, "$VELUM ps --stale %s", at);
    REQUIRE(comes_true(wait, "old"));
    CHECK(strstr(said, "velum stale restore JOB") != NULL);
    CHECK_INT(sh("$VELUM ps --stale --json %s", at), 0);
    CHECK(strstr(said, job) != NULL && strstr(said, "\"v\":1") != NULL);
    CHECK_INT(sh("$VELUM ps --stale --json --addr 127.0.0.1:%u", ports[0]), 0);
    CHECK(strstr(said, job) == NULL);
    CHECK_INT(sh("$VELUM result %s %s 2>&1", job, at), 3);
    CHECK_INT(sh("VELUM_ADDR=127.0.0.1:%u $VELUM complete stale restore ''", ports[1]), 0);
    CHECK(strstr(said, "old\n") != NULL);
    CHECK_INT(sh("$VELUM stale restore nothing %s 2>&1", at), 3);
    CHECK_INT(sh("$VELUM stale keep old %s 2>&1", at), 2);
    CHECK_INT(sh("$VELUM stale restore old %s", at), 0);
    CHECK(strstr(said, "restored") != NULL);
    snprintf(wait, sizeof wait, "$VELUM ps old --addr 127.0.0.1:%u", ports[0]);
    CHECK(comes_true(wait, "running"));
    CHECK_INT(sh("$VELUM kill old %s", at), 0);
    CHECK_INT(sh("$VELUM ps --stale %s", at), 0);
    CHECK(strstr(said, "old") == NULL);
    stop(first);
    stop(second);
    end();
}

TEST(an_old_job_is_dropped)
{
    char job[128], wait[256], at[64];
    pid_t first, second;
    begin();
    first = weeks_pass(job);
    second = start(ports[1]);
    snprintf(at, sizeof at, "--addr 127.0.0.1:%u", ports[1]);
    snprintf(wait, sizeof wait, "$VELUM ps --stale %s", at);
    REQUIRE(comes_true(wait, "old"));
    CHECK_INT(sh("$VELUM stale drop old %s", at), 0);
    CHECK_INT(sh("$VELUM ps --stale %s", at), 0);
    CHECK(strstr(said, "old") == NULL);
    stop(second);
    CHECK_INT(sh("$VELUM journal dump --data %s/nodes/%u", home, ports[1]), 0);
    CHECK(strstr(said, "set aside as old") != NULL && strstr(said, "was dropped") != NULL);
    stop(first);
    end();
}

TEST_MAIN(an_old_job_waits_for_a_decision, an_old_job_is_dropped)
