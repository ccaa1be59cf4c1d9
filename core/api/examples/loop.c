/* loop: a program with a loop of its own. It reads numbers from standard input, starts a job for
 * each as it comes, and prints each result as it ends, so that neither waits for the other.
 *
 *     cc -o loop loop.c $(pkg-config --cflags --libs velum)
 *     seq 100 110 | ./loop
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <velum.h>

static int started, ended, failed;

static void start(struct velum *v, const char *number)
{
    int job = velum_spawn(v, "sum", number, NULL);
    if (job > 0) {
        started++;
        return;
    }
    fprintf(stderr, "loop: %s\n", velum_sentence(v, job));
    failed++;
}

/* What has come of standard input, a line at a time. Returns 0 at its end. */
static int read_numbers(struct velum *v)
{
    static char text[4096];
    static size_t len;
    ssize_t n = read(STDIN_FILENO, text + len, sizeof text - 1 - len);
    if (n <= 0)
        return 0;
    len += (size_t)n;
    text[len] = 0;
    char *line = text, *end;
    while ((end = strchr(line, '\n')) != NULL) {
        *end = 0;
        start(v, line);
        line = end + 1;
    }
    len = strlen(line);
    memmove(text, line, len);
    return len < sizeof text - 1;
}

static void print_ended(struct velum *v)
{
    int job;
    while ((job = velum_next(v)) != 0) {
        int rc = velum_wait(v, job, 0);
        if (rc > 0)
            puts(velum_text(v, job));
        else
            fprintf(stderr, "loop: %s\n", velum_sentence(v, rc));
        failed += rc < 0;
        ended++;
        velum_release(v, job);
    }
}

int main(void)
{
    struct velum *v;
    int rc = velum_init(&v, NULL), more = rc == VELUM_DONE;
    while (rc >= 0 && (more || ended < started)) {
        struct pollfd ready[] = {{.fd = velum_fd(v), .events = POLLIN},
                                 {.fd = more ? STDIN_FILENO : -1, .events = POLLIN}};
        poll(ready, 2, velum_timeout(v));
        if (ready[1].revents)
            more = read_numbers(v);
        rc = velum_process(v);
        print_ended(v);
    }
    if (rc < 0)
        fprintf(stderr, "loop: %s\n", velum_sentence(v, rc));
    velum_shutdown(v);
    return rc < 0 ? -rc : failed > 0;
}
