#include "core/host/home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/ensure.h"
#include "core/base/err.h"
#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/host/loop.h"
#include "core/host/memory.h"
#include "core/host/shell_word.h"
#include "core/host/staged.h"
#include "core/node/action.h"

#define NODES_MAX 1024
#define LOCK_WAIT_MS 10000
#define LOCK_STEP_MS 5
/* A node that was killed has its lock until the system has taken back its memory, and whoever
 * starts it again may be faster. */
#define LOCK_STATE_MS 1000
#define TAIL_SIZE 48 /* room for the longest name below a folder, "/nodes/65535.addr.tmp" */

static void say(char message[HOME_MESSAGE_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(char message[HOME_MESSAGE_SIZE], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, HOME_MESSAGE_SIZE, format, args);
    va_end(args);
}

/* The code and the sentence of a system call that failed on `path`. */
int home_say_errno(char message[HOME_MESSAGE_SIZE], const char *what, const char *path)
{
    int failure = errno;
    switch (failure) {
    case ENOSPC:
    case EDQUOT:
        say(message, "%s %s: no space left; free some, or choose another folder", what, path);
        return ERR_NO_SPACE;
    case ENOENT:
        say(message, "%s %s: it does not exist", what, path);
        return ERR_NOT_FOUND;
    case ELOOP:
        say(message, "%s %s: it is a symbolic link; put the real thing there", what, path);
        return ERR_PERMISSION;
    case EROFS:
        say(message, "%s %s: the file system is read-only; set VELUM_HOME or --data elsewhere",
            what, path);
        return ERR_PERMISSION;
    case EACCES:
    case EPERM:
        say(message, "%s %s: permission denied; make it yours, or set VELUM_HOME or --data", what,
            path);
        return ERR_PERMISSION;
    case ENOTDIR:
        say(message, "%s %s: something on the way is not a folder; move it away", what, path);
        return ERR_PERMISSION;
    default:
        say(message, "%s %s: %s; look at that path", what, path, strerror(failure));
        return ERR_IO;
    }
}

static bool join(char to[HOME_PATH_SIZE], const char *folder, const char *name)
{
    return text_copy(to, HOME_PATH_SIZE, folder) && text_append(to, HOME_PATH_SIZE, "/") &&
           text_append(to, HOME_PATH_SIZE, name);
}

static int bound_path(const char *path, char *message)
{
    if (strlen(path) + TAIL_SIZE < HOME_PATH_SIZE)
        return 0;
    say(message, "the path %.64s... is longer than %d bytes; choose a shorter one", path,
        HOME_PATH_SIZE - TAIL_SIZE - 1);
    return ERR_TOO_LARGE;
}

/* A trailing slash would make the last open follow a link. */
static void drop_trailing_slashes(char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
}

/* A worker, whose current folder is another, is told the path too. */
static bool make_whole(char path[HOME_PATH_SIZE], const char *given)
{
    path[0] = '\0';
#if VELUM_PLANT != 1087 /* unit/test_home: workers look for the objects of a node elsewhere */
    if (*given != '/' && (!getcwd(path, HOME_PATH_SIZE) || !text_append(path, HOME_PATH_SIZE, "/")))
        return false;
#endif
    return text_append(path, HOME_PATH_SIZE, given);
}

void home_file(const struct home *h, const char *name, char to[HOME_PATH_SIZE])
{
    ensure(join(to, h->path, name));
}

int home_locate(struct home *h, char message[HOME_MESSAGE_SIZE])
{
    const char *given = getenv("VELUM_HOME");
    const char *state = getenv("XDG_STATE_HOME");
    const char *user = getenv("HOME");
    const char *base, *tail;
    h->path[0] = '\0';
    if (given && *given) {
        base = given;
        tail = "";
    } else if (state && *state == '/') { /* a relative one is to be ignored, says its standard */
        base = state;
        tail = "/velum";
    } else if (user && *user == '/') {
        base = user;
        tail = "/.local/state/velum";
    } else {
        say(message, "there is no place for the mesh's folder: none of VELUM_HOME, XDG_STATE_HOME "
                     "and HOME is set; set VELUM_HOME to a folder of yours");
        return ERR_NOT_FOUND;
    }
    if (!make_whole(h->path, base) || !text_append(h->path, sizeof h->path, tail)) {
        say(message, "the path %.64s... is too long; set VELUM_HOME to a shorter one", base);
        h->path[0] = '\0';
        return ERR_TOO_LARGE;
    }
    drop_trailing_slashes(h->path);
    return bound_path(h->path, message);
}

/* With errno of making it when it is not there either. */
static bool make_folder(const char *path)
{
    int failure;
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return true;
    failure = errno;
    if (access(path, F_OK) == 0)
        return true;
#if VELUM_PLANT != 1162 /* unit/test_home: a folder that cannot be made is said not to be there */
    errno = failure;
#endif
    return false;
}

/* Makes what is missing on the way. Somebody else making it at the same time is no failure. */
static int make_folders(const char *path, char *message)
{
    char part[HOME_PATH_SIZE];
    text_copy(part, sizeof part, path);
    for (char *at = part + 1;; at++) {
        char here = *at;
        if (here != '/' && here != '\0')
            continue;
        *at = '\0';
        if (at[-1] != '/' && !make_folder(part))
            return home_say_errno(message, "cannot make the folder", part);
        *at = here;
        if (!here)
            return 0;
    }
}

static int check_owner(const struct stat *s, const char *path, char *message)
{
    if (s->st_uid == geteuid())
        return 0;
    say(message, "%s belongs to user %u and you are user %u; use a folder of your own", path,
        (unsigned)s->st_uid, (unsigned)geteuid());
    return ERR_PERMISSION;
}

static void say_mode(char *message, const char *mode, const char *path)
{
    text_append(message, HOME_MESSAGE_SIZE, "; try: chmod ");
    text_append(message, HOME_MESSAGE_SIZE, mode);
    shell_word(message, HOME_MESSAGE_SIZE, path);
}

static int check_folder(const char *path, char *message)
{
    struct stat s;
    int rc = 0;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        /* ENOTDIR is what a link gives here, so look which it is. */
        bool is_link = lstat(path, &s) == 0 && S_ISLNK(s.st_mode);
        errno = is_link ? ELOOP : errno;
        return home_say_errno(message, "cannot use the folder", path);
    }
    if (fstat(fd, &s) != 0)
        rc = home_say_errno(message, "cannot use the folder", path);
    else
        rc = check_owner(&s, path, message);
    if (rc == 0 && (s.st_mode & 022)) {
        say(message, "others may write to the folder %s, and it holds keys", path);
        say_mode(message, "700 ", path);
        rc = ERR_PERMISSION;
    }
    close(fd);
    return rc;
}

static int open_folder(const char *path, char *message)
{
    int rc = bound_path(path, message);
    if (rc == 0)
        rc = make_folders(path, message);
    return rc < 0 ? rc : check_folder(path, message);
}

int home_open(struct home *h, char message[HOME_MESSAGE_SIZE])
{
    char path[HOME_PATH_SIZE];
    int rc = open_folder(h->path, message);
    home_file(h, HOME_LEAVING, path);
    if (rc < 0 || access(path, F_OK) != 0)
        return rc;
    say(message, "%s was leaving its mesh when it was interrupted; end that first: velum leave",
        h->path);
    return ERR_BUSY;
}

static bool is_home(const char *folder)
{
    char root[HOME_PATH_SIZE];
    return join(root, folder, "root.pem") && access(root, F_OK) == 0;
}

static bool go_up(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return slash != NULL;
}

/* The home that the file at this path is one of, in it or at nodes/PORT; false: none. */
static bool home_of(const char *path, char to[HOME_PATH_SIZE])
{
    text_copy(to, HOME_PATH_SIZE, path);
    if (go_up(to) && is_home(to))
        return true;
    return go_up(to) && go_up(to) && is_home(to);
}

/* A home that was copied or restored has more files that are open to others: what is said mends
 * all at once. */
static void say_loose(char *message, const char *path, unsigned mode)
{
    char home[HOME_PATH_SIZE];
    const bool found = home_of(path, home);
    say(message, "others may read or write %s (mode %03o)", path, mode);
    say_mode(message, found ? "-R go= " : "600 ", found ? home : path);
}

static int check_file(int fd, const char *path, char *message)
{
    struct stat s;
    if (fstat(fd, &s) != 0)
        return home_say_errno(message, "cannot use the file", path);
    if (!S_ISREG(s.st_mode)) {
        say(message, "%s is not a regular file; move it away", path);
        return ERR_PERMISSION;
    }
    int rc = check_owner(&s, path, message);
    if (rc == 0 && (s.st_mode & 077)) {
        say_loose(message, path, s.st_mode & 0777);
        rc = ERR_PERMISSION;
    }
    return rc;
}

static int open_lock(const char *folder, char path[HOME_PATH_SIZE], char *message)
{
    if (!join(path, folder, "lock"))
        return bound_path(folder, message);
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0)
        return home_say_errno(message, "cannot open the lock", path);
    int rc = check_file(fd, path, message);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fd;
}

/* Tries again every few milliseconds, because a blocking flock has no time limit. */
static int lock_within(int fd, int wait_ms)
{
    struct instant end = instant_plus_us(loop_clock(), wait_ms * MS_US);
    for (;;) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return ERR_IO;
        if (!instant_before(loop_clock(), end))
            return ERR_BUSY;
        poll(NULL, 0, LOCK_STEP_MS);
    }
}

static int take_lock(const struct home *h, int wait_ms, char *message)
{
    char path[HOME_PATH_SIZE];
    int fd = open_lock(h->path, path, message);
    if (fd < 0)
        return fd;
    int rc = lock_within(fd, wait_ms);
    if (rc == 0)
        return fd;
    if (rc == ERR_BUSY)
        say(message, "somebody has held %s for %d s; look for a velum that hangs, and end it", path,
            wait_ms / 1000);
    else
        home_say_errno(message, "cannot lock", path);
    close(fd);
    return rc;
}

int home_lock(const struct home *h, char message[HOME_MESSAGE_SIZE])
{
    return take_lock(h, LOCK_WAIT_MS, message);
}

int home_try_lock(const struct home *h, char message[HOME_MESSAGE_SIZE])
{
    return take_lock(h, 0, message);
}

/* 0 when nobody has written one yet. */
static unsigned long holder_of(int fd)
{
    char text[32];
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return strtoul(text, NULL, 10);
}

static int write_holder(int fd, const char *path, char *message)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n)
        return home_say_errno(message, "cannot write", path);
    return 0;
}

static int lock_state(const char *folder, char *message)
{
    char path[HOME_PATH_SIZE];
    int fd = open_lock(folder, path, message);
    if (fd < 0)
        return fd;
    int rc = lock_within(fd, LOCK_STATE_MS);
    if (rc == ERR_BUSY) {
        unsigned long holder = holder_of(fd);
        if (holder)
            say(message,
                "the node with process id %lu uses the folder %s; choose another --port "
                "or --data for this one",
                holder, folder);
        else
            say(message,
                "another node uses the folder %s; choose another --port or --data for "
                "this one",
                folder);
    } else if (rc < 0) {
        home_say_errno(message, "cannot lock", path);
    } else {
        rc = write_holder(fd, path, message);
    }
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

static bool nodes_path(const struct home *h, uint16_t port, const char *tail,
                       char path[HOME_PATH_SIZE])
{
    char digits[21];
    text_of_u64(port, digits);
    return join(path, h->path, "nodes/") && text_append(path, HOME_PATH_SIZE, digits) &&
           text_append(path, HOME_PATH_SIZE, tail);
}

static int open_nodes(const struct home *h, char *message)
{
    char path[HOME_PATH_SIZE];
    int rc = bound_path(h->path, message);
    if (rc < 0 || !join(path, h->path, "nodes"))
        return rc < 0 ? rc : ERR_TOO_LARGE;
    return open_folder(path, message);
}

static int data_path(const char *data, char path[HOME_PATH_SIZE], char *message)
{
    if (!*data) {
        say(message, "the state folder's path is empty; give --data a folder");
        return ERR_ARGUMENT;
    }
    if (!make_whole(path, data)) {
        say(message, "the path %.64s... is too long; give --data a shorter one", data);
        return ERR_TOO_LARGE;
    }
    drop_trailing_slashes(path);
    return bound_path(path, message);
}

int home_state_open(const struct home *h, uint16_t port, const char *data,
                    char path[HOME_PATH_SIZE], char message[HOME_MESSAGE_SIZE])
{
    int rc;
    if (data) {
        rc = data_path(data, path, message);
    } else {
        rc = open_nodes(h, message);
        nodes_path(h, port, "", path);
    }
    if (rc == 0)
        rc = open_folder(path, message);
    return rc < 0 ? rc : lock_state(path, message);
}

int home_state_path(const struct home *h, uint16_t port, const char *data,
                    char path[HOME_PATH_SIZE], char message[HOME_MESSAGE_SIZE])
{
    if (data)
        return data_path(data, path, message);
    int rc = bound_path(h->path, message);
    if (rc < 0)
        return rc;
    nodes_path(h, port, "", path);
    drop_trailing_slashes(path);
    return 0;
}

/* The shared lock is held for no longer than it takes to see that it can be had; whoever starts a
 * node at that moment waits for it (LOCK_STATE_MS). */
int home_state_holder(const char *path, unsigned long *pid)
{
    char lock[HOME_PATH_SIZE];
    int fd =
        join(lock, path, "lock") ? open(lock, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    *pid = 0;
    if (fd < 0)
        return 0;
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (held)
        *pid = holder_of(fd);
    close(fd);
    return held;
}

int home_announce(const struct home *h, uint16_t port, const char *addr,
                  char message[HOME_MESSAGE_SIZE])
{
    char path[HOME_PATH_SIZE], line[ADDR_SIZE + 1];
    int n = snprintf(line, sizeof line, "%s\n", addr);
    if (n < 0 || (size_t)n >= sizeof line || !nodes_path(h, port, ".addr", path)) {
        say(message, "the address %.64s cannot be told other nodes in %.64s: it is too long", addr,
            h->path);
        return ERR_TOO_LARGE;
    }
    int rc = open_nodes(h, message);
    return rc < 0 ? rc : home_write_file(path, bytes_of_text(line), message);
}

void home_withdraw(const struct home *h, uint16_t port)
{
    char path[HOME_PATH_SIZE];
    if (nodes_path(h, port, ".addr", path))
        unlink(path);
}

void home_shut(const struct home *h, uint16_t port, const char *why)
{
    char path[HOME_PATH_SIZE], message[HOME_MESSAGE_SIZE];
    if (!nodes_path(h, port, ".shut", path))
        return;
    if (why[0])
        (void)home_write_file(path, bytes_of_text(why), message);
    else
        unlink(path);
}

bool home_shut_why(const struct home *h, uint16_t port, char why[HOME_MESSAGE_SIZE])
{
    char path[HOME_PATH_SIZE], message[HOME_MESSAGE_SIZE];
    struct buf text;
    why[0] = '\0';
    buf_init(&text, &host_memory, HOME_FILE_MAX);
    if (nodes_path(h, port, ".shut", path) && home_read_file(path, &text, message) == 0)
        text_sanitise((const char *)text.data, text.len, true, why, HOME_MESSAGE_SIZE);
    buf_clear(&text);
    return why[0] != '\0';
}

static int compare_ports(const void *a, const void *b)
{
    return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

/* The ports of all entries of nodes/ that are a number followed by `tail`, ascending. */
static size_t list_ports(const struct home *h, const char *tail, uint16_t ports[NODES_MAX])
{
    char path[HOME_PATH_SIZE];
    size_t count = 0;
    DIR *dir = join(path, h->path, "nodes") ? opendir(path) : NULL;
    if (!dir)
        return 0;
    for (const struct dirent *e; count < NODES_MAX && (e = readdir(dir));) {
        char digits[8];
        uint64_t port;
        size_t len = strspn(e->d_name, "0123456789");
        if (len == 0 || len >= sizeof digits || strcmp(e->d_name + len, tail) != 0)
            continue;
        memcpy(digits, e->d_name, len);
        digits[len] = '\0';
        if (digits[0] != '0' && text_to_u64(digits, UINT16_MAX, &port) == 0)
            ports[count++] = (uint16_t)port;
    }
    closedir(dir);
    qsort(ports, count, sizeof *ports, compare_ports);
    return count;
}

/* One line "host:port", nothing else. */
static bool read_addr(const char *path, char addr[ADDR_SIZE])
{
    char message[HOME_MESSAGE_SIZE];
    struct buf text;
    bool held = false;
    buf_init(&text, &host_memory, HOME_FILE_MAX);
    if (home_read_file(path, &text, message) == 0 && text.len > 1 && text.len <= ADDR_SIZE &&
        text.data[text.len - 1] == '\n') {
        memcpy(addr, text.data, text.len - 1);
        addr[text.len - 1] = '\0';
        held = strlen(addr) == text.len - 1 && strchr(addr, ':');
        for (const char *at = addr; held && *at; at++)
            held = *at > ' ' && *at < 127;
    }
    buf_clear(&text);
    return held;
}

void home_peers(const struct home *h, void (*found)(void *ctx, uint16_t port, const char *addr),
                void *ctx)
{
    uint16_t ports[NODES_MAX];
    size_t count = list_ports(h, ".addr", ports);
    for (size_t i = 0; i < count; i++) {
        char path[HOME_PATH_SIZE], addr[ADDR_SIZE];
        if (nodes_path(h, ports[i], ".addr", path) && read_addr(path, addr))
            found(ctx, ports[i], addr);
    }
}

/* Those of a kind (S_IFSOCK...) at nodes/PORT with this behind it. */
static void each_of_kind(const struct home *h, const char *tail, mode_t kind,
                         bool (*found)(void *ctx, uint16_t port, const char *path), void *ctx)
{
    uint16_t ports[NODES_MAX];
    size_t count = list_ports(h, "", ports);
    for (size_t i = 0; i < count; i++) {
        char path[HOME_PATH_SIZE];
        struct stat s;
        if (nodes_path(h, ports[i], tail, path) && lstat(path, &s) == 0 &&
            (s.st_mode & S_IFMT) == kind && found(ctx, ports[i], path))
            return;
    }
}

void home_controls(const struct home *h, bool (*found)(void *ctx, uint16_t port, const char *path),
                   void *ctx)
{
    each_of_kind(h, "/control", S_IFSOCK, found, ctx);
}

void home_states(const struct home *h, bool (*found)(void *ctx, uint16_t port, const char *path),
                 void *ctx)
{
    each_of_kind(h, "", S_IFDIR, found, ctx);
}

static void add_file(struct buf *to, const char *path, bool *any)
{
    char text[128];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = '\0';
    *any = *any || n > 0;
    put_text(to, text);
}

/* Containers made from one image share the machine id, all containers of one machine share the boot
 * id; both together are right more often than either. */
struct digest home_machine(void)
{
    uint8_t room[1024];
    char host[256] = "";
    bool any = false;
    struct buf b;
    buf_init_fixed(&b, room, sizeof room);
    put_text(&b, "velum machine 1");
    add_file(&b, "/etc/machine-id", &any);
    add_file(&b, "/proc/sys/kernel/random/boot_id", &any);
    if (!any && gethostname(host, sizeof host - 1) == 0)
        put_text(&b, host);
    return sha256_of(b.data, b.len);
}

/* Into one block: a key that is wiped there must not be left in one that was too small. */
static int read_all(int fd, const char *path, struct buf *to, char *message)
{
    const size_t left = to->max - to->len;
    const size_t most = left <= HOME_FILE_MAX ? left : HOME_FILE_MAX + 1;
    if (!buf_reserve(to, most)) {
        say(message, "cannot read %s: %s", path, err_sentence(buf_result(to)));
        return buf_result(to);
    }
    for (size_t got = 0; got < most;) {
        ssize_t n = read(fd, to->data + to->len, most - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return home_say_errno(message, "cannot read", path);
        if (n == 0)
            return 0;
        to->len += (size_t)n;
        got += (size_t)n;
    }
    say(message, "%s is larger than %zu bytes; is it the right file?", path, most - 1);
    return ERR_TOO_LARGE;
}

/* Without O_NONBLOCK a named pipe in the file's place would hold us for ever. */
static int open_file(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
}

int home_read_file(const char *path, struct buf *to, char message[HOME_MESSAGE_SIZE])
{
    int fd = open_file(path);
    if (fd < 0)
        return home_say_errno(message, "cannot read", path);
    int rc = check_file(fd, path, message);
    if (rc == 0)
        rc = read_all(fd, path, to, message);
    close(fd);
    return rc;
}

int home_check_secret(const char *path, char message[HOME_MESSAGE_SIZE])
{
    int fd = open_file(path);
    if (fd < 0)
        return errno == ENOENT ? 0 : home_say_errno(message, "cannot read", path);
    int rc = check_file(fd, path, message);
    close(fd);
    return rc;
}

int home_write_file(const char *path, struct bytes text, char message[HOME_MESSAGE_SIZE])
{
    struct staged s;
    staged_init(&s);
    int rc = staged_add(&s, path, text, message);
    return rc < 0 ? rc : staged_commit(&s, message);
}
