/* The worker of the crew's tests: the first byte of an order tells it what to do. Header only; it
 * runs in a process of its own, so it reports by frames and exit codes, never by a check. */
#ifndef VELUM_TESTS_CREW_WORKER_H
#define VELUM_TESTS_CREW_WORKER_H

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/host/memory.h"
#include "core/host/spawner.h"
#include "core/wire/message.h"
#include "tests/lib/check.h"

#define DO_ECHO 1
#define DO_CRASH 2
#define DO_EXIT 3
#define DO_TALK 4       /* as much as it can on standard error, then echoes */
#define DO_FLOOD 5      /* frames without end */
#define DO_GARBAGE 6    /* no frame */
#define DO_WRONG 7      /* a whole frame of a type that is not a worker's */
#define DO_LIMITS 8     /* tells what it may */
#define DO_FORK 9       /* leaves a process behind and tells its id */
#define DO_LAST_WORD 10 /* 60 KiB of frames and some text, then exits at once */
#define DO_HALF 11      /* half a frame, then exits */
#define DO_YIELD 12     /* 200 MiB of what leaves yield, then echoes */
#define DO_WORK 13      /* takes 60 ms of processor time, then exits */

static void say(uint8_t type, uint32_t request, struct bytes payload)
{
    struct buf b;
    buf_init(&b, &host_memory, 1 << 20);
    frame_put(&b, type, request, payload);
    for (size_t at = 0; at < b.len;) {
        ssize_t n = write(1, b.data + at, b.len - at);
        if (n <= 0)
            _exit(9);
        at += (size_t)n;
    }
    buf_clear(&b);
}

static void tell_limits(uint32_t request)
{
    char text[512];
    struct rlimit core, files, size, memory, locked, stack;
    char here[64] = "";
    int open_count = 0;
    sigset_t blocked;
    getrlimit(RLIMIT_CORE, &core);
    getrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_FSIZE, &size);
    getrlimit(RLIMIT_AS, &memory);
    getrlimit(RLIMIT_MEMLOCK, &locked);
    getrlimit(RLIMIT_STACK, &stack);
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    for (int fd = 0; fd < 16; fd++)
        open_count += fcntl(fd, F_GETFD) >= 0;
    mode_t mask = umask(0);
    extern char **environ;
    snprintf(text, sizeof text,
             "core=%lu files=%lu size=%lu memory=%lu locked=%lu stack=%lu nice=%d group=%d "
             "open=%d cwd=%s umask=%o env=%d privs=%d dump=%d term=%d pipe=%d",
             (unsigned long)core.rlim_cur, (unsigned long)files.rlim_cur,
             (unsigned long)size.rlim_cur, (unsigned long)memory.rlim_cur,
             (unsigned long)locked.rlim_cur, (unsigned long)stack.rlim_cur,
             getpriority(PRIO_PROCESS, 0), getpgrp() == getpid(), open_count,
             getcwd(here, sizeof here) ? here : "?", (unsigned)mask, *environ != NULL,
             prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_DUMPABLE),
             sigismember(&blocked, SIGTERM), signal(SIGPIPE, SIG_DFL) == SIG_DFL);
    say(MESSAGE_WORKER_SHOWN, request, bytes_of_text(text));
}

static void obey(const struct frame *order)
{
    uint8_t what = order->payload.len ? order->payload.data[0] : DO_ECHO;
    static const char line[1024] = "text";
    static const uint8_t yield[65536];
    switch (what) {
    case DO_CRASH:
        signal(SIGSEGV, SIG_DFL); /* a sanitizer would exit instead */
        raise(SIGSEGV);
        break;
    case DO_WORK:
        while (clock() < 60 * (CLOCKS_PER_SEC / 1000))
            ;
        _exit(0);
    case DO_EXIT:
        _exit(order->payload.data[1]);
    case DO_TALK:
        for (int i = 0; i < 3 * 1024; i++)
            if (write(2, line, sizeof line) < 0)
                _exit(8);
        break;
    case DO_FLOOD:
        for (;;)
            say(MESSAGE_WORKER_READY, 0, (struct bytes){NULL, 0});
    case DO_YIELD:
        for (int i = 0; i < 200 * 16; i++)
            say(MESSAGE_WORKER_OUTPUT, 0, (struct bytes){yield, sizeof yield});
        break;
    case DO_GARBAGE:
        if (write(1, "Dear node, how are you today?", 29) < 0)
            _exit(8);
        return;
    case DO_WRONG:
        say(MESSAGE_HELLO, 0, (struct bytes){NULL, 0});
        return;
    case DO_LIMITS:
        tell_limits(order->request);
        return;
    case DO_LAST_WORD:
        for (uint32_t i = 0; i < 60; i++)
            say(MESSAGE_WORKER_SHOWN, i, (struct bytes){(const uint8_t *)line, 1008});
        if (write(2, "goodbye", 7) < 0)
            _exit(8);
        _exit(5);
    case DO_HALF:
        if (write(1, "VL\1", 3) < 0)
            _exit(8);
        _exit(0);
    case DO_FORK: {
        uint8_t text[4];
        pid_t child = fork();
        if (child == 0)
            for (;;)
                pause();
        store_u32(text, (uint32_t)child);
        say(MESSAGE_WORKER_SHOWN, order->request, (struct bytes){text, 4});
        return;
    }
    default:
        break;
    }
    say(MESSAGE_WORKER_SHOWN, order->request, order->payload);
}

/* Obeys until its orders end; the exit code of the process. */
static int crew_worker(void)
{
    static uint8_t in[200000];
    size_t have = 0;
    uint8_t id[4];
    spawner_settle_worker();
    store_u32(id, (uint32_t)getpid());
    say(MESSAGE_WORKER_READY, 0, (struct bytes){id, 4});
    for (;;) {
        ssize_t got = read(0, in + have, sizeof in - have);
        if (got <= 0)
            return 0;
        have += (size_t)got;
        struct frame order;
        int size;
        while ((size = frame_take((struct bytes){in, have}, &order)) > 0) {
            obey(&order);
            have -= (size_t)size;
            memmove(in, in + size, have);
        }
    }
}

#endif
