#include "core/host/rotation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/authority.h"
#include "core/host/certificate.h"
#include "core/host/pem_file.h"
#include "core/host/root_key.h"
#include "core/host/roots.h"
#include "core/host/tokens.h"

#define NOTE "rotating"

static void path_of(const struct home *h, const char *name, uint32_t generation, const char *ending,
                    char to[HOME_PATH_SIZE])
{
    char file[32];
    roots_name(file, name, generation, ending);
    home_file(h, file, to);
}

static bool is_noted(const struct home *h)
{
    char path[HOME_PATH_SIZE];
    home_file(h, NOTE, path);
    return access(path, F_OK) == 0;
}

static int note(const struct home *h, char *message)
{
    static const char text[] = "velum ca rotate was begun here, and goes on where it was\n";
    char path[HOME_PATH_SIZE];
    home_file(h, NOTE, path);
    return home_write_file(path, (struct bytes){(const uint8_t *)text, sizeof text - 1}, message);
}

/* What is not there is deleted already. */
static int delete_file(const char *path, char *message)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return 0;
    snprintf(message, HOME_MESSAGE_SIZE, "cannot delete %s: %s", path, strerror(errno));
    return ERR_IO;
}

/* What was deleted in the home stays so when the power goes. */
static int sync_home(const struct home *h, char *message)
{
    const int fd = open(h->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && fsync(fd) == 0;
    if (!synced)
        snprintf(message, HOME_MESSAGE_SIZE, "cannot sync %s: %s", h->path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return synced ? 0 : ERR_IO;
}

static enum rotation_step step_of(const struct home *h, const struct roots *r)
{
    if (r->count > 1 && r->stage == ROOTS_ADDED)
        return ROTATION_BEGUN;
    if (r->count > 1 && r->stage == ROOTS_USED)
        return ROTATION_USED;
    char key[HOME_PATH_SIZE];
    path_of(h, "root", r->count, "key", key);
    return is_noted(h) && access(key, F_OK) != 0 && r->count > 1 ? ROTATION_FINISHED
                                                                 : ROTATION_NONE;
}

int rotation_look(const struct home *h, struct rotation *out, struct buf *roots,
                  char message[HOME_MESSAGE_SIZE])
{
    struct roots r;
    certificate_library_open();
    int rc = authority_exists(h) ? roots_read(&r, h, message) : ERR_NOT_FOUND;
    if (rc == ERR_NOT_FOUND)
        snprintf(message, HOME_MESSAGE_SIZE, "there is no mesh in %s", h->path);
    if (rc < 0)
        return rc;
    *out =
        (struct rotation){step_of(h, &r), roots_version(&r), (uint8_t)(r.count - 1), r.at_s};
    if (roots) {
        put_raw(roots, r.bytes.data, r.bytes.len);
        rc = buf_result(roots);
    }
    roots_clear(&r);
    return rc;
}

/* --- another generation --- */

/* In place of one that may be there: whoever was killed before the roots were written has told
 * nobody of it, and has perhaps left it in a copy of the home. */
static int make_key(const char *path, EVP_PKEY **key, char *message)
{
#if VELUM_PLANT == 1044 /* unit/test_emergency: a next root's key that others may have is used */
    if (access(path, F_OK) == 0)
        return pem_file_read_key(path, key, message);
#endif
    *key = certificate_new_key();
    return *key ? pem_file_write_key(path, *key, message) : ERR_SYSTEM;
}

static X509 *make(enum certificate_kind kind, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key,
                  int64_t seconds)
{
    const struct certificate_request r = {
        .kind = kind, .key = key, .issuer = issuer, .issuer_key = issuer_key, .seconds = seconds};
    return certificate_make(&r);
}

struct making {
    EVP_PKEY *root, *issuer, *before; /* before: NULL in an emergency */
};

static void making_clear(struct making *m)
{
    EVP_PKEY_free(m->root);
    EVP_PKEY_free(m->issuer);
    EVP_PKEY_free(m->before);
}

static int make_keys(const struct home *h, uint32_t generation, struct making *m, char *message)
{
    char path[HOME_PATH_SIZE];
    path_of(h, "root", generation, "key", path);
    int rc = make_key(path, &m->root, message);
    path_of(h, "issuer", generation, "key", path);
    return rc < 0 ? rc : make_key(path, &m->issuer, message);
}

/* The issuer that is used, which may not be the last, may have been renewed since the roots were
 * written. */
static int refresh_issuer(const struct home *h, struct roots *r, char *message)
{
    char path[HOME_PATH_SIZE];
    X509 *issuer = NULL;
    authority_file(h, "issuer", "pem", path);
    int rc = pem_file_read_certificate(path, &issuer, message);
    if (rc < 0)
        return rc;
#if VELUM_PLANT == 962 /* unit/test_roots: another root's issuer is written in place of the last */
    struct roots_generation *g = &r->all[r->count - 1];
#else
    struct roots_generation *g = &r->all[roots_used(r)];
#endif
    X509_free(g->issuer);
    g->issuer = issuer;
    return 0;
}

static int add(struct roots *r, const struct making *m)
{
    X509 *before = r->all[r->count - 1].root;
    struct roots_generation *g = &r->all[r->count++];
    g->root = make(CERTIFICATE_ROOT, m->root, NULL, NULL, AUTHORITY_ROOT_LIFE_S);
    if (g->root)
        g->issuer = make(CERTIFICATE_ISSUER, m->issuer, g->root, m->root, AUTHORITY_ISSUER_LIFE_S);
    if (m->before)
        g->cross = make(CERTIFICATE_CROSS, m->root, before, m->before,
                        certificate_not_after(before) - (int64_t)time(NULL));
    return g->issuer && (!m->before || g->cross) ? 0 : ERR_SYSTEM;
}

static int say(const struct home *h, int rc, const char *what, char *message)
{
    snprintf(message, HOME_MESSAGE_SIZE, what, h->path);
    return rc;
}

static int check_home(const struct home *h, const struct roots *r, bool needs_key, char *message)
{
    if (needs_key && !root_key_is_here(h))
        return say(h, ERR_NOT_FOUND, "the root's key is not in %s", message);
    if (r->count == ROOTS_GENERATIONS_MAX)
        return say(h, ERR_FULL,
                   "the mesh in %s has had eight roots, which is the most that one can have",
                   message);
    return 0;
}

/* A clock that was put back, or begins in the past, does not make a stage older than those before
 * it: what is good for a while after it would have ended already. */
static int64_t stage_time(const struct roots *r)
{
    const int64_t begins_s = certificate_not_before(r->all[r->count - 1].root);
    const int64_t least_s = r->at_s > begins_s ? r->at_s : begins_s, now_s = (int64_t)time(NULL);
    return now_s > least_s ? now_s : least_s;
}

static int make_generation(const struct home *h, struct roots *r, enum roots_stage stage,
                           char *message)
{
    char path[HOME_PATH_SIZE];
    const bool emergency = stage == ROOTS_ALONE;
    struct making m = {NULL};
    int rc = check_home(h, r, !emergency, message);
    if (rc == 0 && !emergency) {
        authority_file(h, "root", "key", path);
        rc = pem_file_read_key(path, &m.before, message);
    }
    if (rc == 0)
        rc = make_keys(h, r->count, &m, message);
    if (rc == 0)
        rc = note(h, message); /* behind the keys: step_of tells by them whether it is done */
    if (rc == 0)
        rc = refresh_issuer(h, r, message);
    if (rc == 0)
        rc = add(r, &m);
    if (rc == 0) {
        r->stage = stage;
        r->at_s = stage_time(r);
        rc = roots_sign(r, m.root);
    }
    if (rc == 0)
        rc = roots_write(h, r, message);
    making_clear(&m);
    return rc;
}

/* --- one after the other, under the lock --- */

static int advance(const struct home *h, struct roots *r, enum roots_stage to, char *message)
{
    char path[HOME_PATH_SIZE];
    EVP_PKEY *key = NULL;
    if (r->count < 2 || r->stage >= to)
        return 0;
    path_of(h, "root", r->count - 1, "key", path);
    if (access(path, F_OK) != 0)
        return say(h, ERR_NOT_FOUND, "the root's key is not in %s", message);
    int rc = pem_file_read_key(path, &key, message);
    if (rc == 0) {
        r->stage = to;
        r->at_s = stage_time(r);
        rc = roots_sign(r, key);
    }
    EVP_PKEY_free(key);
    return rc < 0 ? rc : roots_write(h, r, message);
}

/* A root made by such a clock would end by it, too. One that has ended is no hindrance in an
 * emergency, which then is the only way on. */
static int check_clock(const struct home *h, const struct roots *r, char *message)
{
    if ((int64_t)time(NULL) >= certificate_not_before(r->all[r->count - 1].root))
        return 0;
    return say(h, ERR_SYSTEM,
               "by the clock of this machine the root of the mesh in %s has not begun: set it",
               message);
}

static int begin(const struct home *h, struct roots *r, char *message)
{
    if (step_of(h, r) != ROTATION_NONE)
        return 0;
    int rc = check_clock(h, r, message);
    if (rc == 0 && !authority_clock_is_sane(r->all[r->count - 1].root))
        rc = say(h, ERR_SYSTEM,
                 "by the clock of this machine the root of the mesh in %s has ended: set it; or, "
                 "if it is right, velum ca rotate --emergency",
                 message);
    return rc < 0 ? rc : make_generation(h, r, ROOTS_ADDED, message);
}

static int use(const struct home *h, struct roots *r, char *message)
{
    return advance(h, r, ROOTS_USED, message);
}

static int finish(const struct home *h, struct roots *r, char *message)
{
    return advance(h, r, ROOTS_ALONE, message);
}

/* The key at its place is that of the certificate. */
static int check_key(const char *path, X509 *x, char *message)
{
    EVP_PKEY *key = NULL;
    int rc = pem_file_read_key(path, &key, message);
    if (rc == 0 && EVP_PKEY_eq(X509_get0_pubkey(x), key) != 1) {
        snprintf(message, HOME_MESSAGE_SIZE,
                 "%s is not the key of the mesh's last root; nothing was deleted", path);
        rc = ERR_DAMAGED;
    }
    EVP_PKEY_free(key);
    return rc;
}

/* What lies in the home, read back: with it the mesh goes on, and needs no key before it. The
 * root's own may be in a file elsewhere. */
static int check_kept(const struct home *h, char *message)
{
    struct roots r;
    char path[HOME_PATH_SIZE];
    int rc = roots_read(&r, h, message);
    if (rc < 0)
        return rc;
    const struct roots_generation *last = &r.all[r.count - 1];
    path_of(h, "issuer", r.count - 1, "key", path);
    rc = r.stage == ROOTS_ALONE ? check_key(path, last->issuer, message)
                                : say(h, ERR_DAMAGED, "the roots in %s were not written", message);
    path_of(h, "root", r.count - 1, "key", path);
    if (rc == 0 && access(path, F_OK) == 0)
        rc = check_key(path, last->root, message);
    roots_clear(&r);
    return rc;
}

static int end(const struct home *h, struct roots *r, char *message)
{
    char path[HOME_PATH_SIZE];
    if (r->stage != ROOTS_ALONE || r->count < 2)
        return 0;
    int rc = check_kept(h, message);
    for (uint32_t i = 0; rc == 0 && i + 1 < r->count; i++) {
        path_of(h, "root", i, "key", path);
        rc = delete_file(path, message);
        path_of(h, "issuer", i, "key", path);
        rc = rc == 0 ? delete_file(path, message) : rc;
    }
    rc = rc == 0 ? sync_home(h, message) : rc;
    home_file(h, NOTE, path);
    rc = rc == 0 ? delete_file(path, message) : rc;
    return rc == 0 ? sync_home(h, message) : rc;
}

/* Of an emergency that was cut short the keys are left to delete. A change that waits for its end
 * has gone over to a root that the one before certified, and whoever has that one's key may have
 * both. */
static bool is_made(const struct home *h, const struct roots *r)
{
#if VELUM_PLANT == 963 /* unit/test_roots: an emergency waits for a change that has not ended */
    return step_of(h, r) == ROTATION_FINISHED;
#else
    return step_of(h, r) == ROTATION_FINISHED && !r->all[r->count - 1].cross;
#endif
}

/* Strings to join by go first: whoever has the home's files can answer for them as for the root. */
static int emergency(const struct home *h, struct roots *r, char *message)
{
    const bool made = is_made(h, r);
    int rc = made ? 0 : check_home(h, r, false, message);
#if VELUM_PLANT == 1045 /* unit/test_emergency: a root is made by a clock that is years behind */
#else
    if (rc == 0 && !made)
        rc = check_clock(h, r, message);
#endif
#if VELUM_PLANT == 993 /* unit/test_tokens: an emergency leaves strings that others may have seen */
    const int ended = rc;
#else
    const int ended = rc < 0 ? rc : tokens_forget(h, message);
#endif
    rc = ended < 0 || made ? ended : make_generation(h, r, ROOTS_ALONE, message);
    if (rc >= 0)
        rc = end(h, r, message);
    return rc < 0 ? rc : ended;
}

static int locked(const struct home *h, int (*step)(const struct home *, struct roots *, char *),
                  char *message)
{
    struct roots r;
    certificate_library_open();
    if (!authority_exists(h))
        return say(h, ERR_NOT_FOUND, "there is no mesh in %s", message);
    int lock = home_lock(h, message);
    if (lock < 0)
        return lock;
    int rc = root_key_is_of(h)
                 ? roots_read(&r, h, message)
                 : say(h, ERR_PERMISSION, "the mesh in %s was not made there", message);
    if (rc == 0) {
        rc = step(h, &r, message);
        roots_clear(&r);
    }
    close(lock);
    return rc;
}

int rotation_begin(const struct home *h, char message[HOME_MESSAGE_SIZE])
{
    return locked(h, begin, message);
}

int rotation_use(const struct home *h, char message[HOME_MESSAGE_SIZE])
{
    return locked(h, use, message);
}

int rotation_finish(const struct home *h, char message[HOME_MESSAGE_SIZE])
{
    return locked(h, finish, message);
}

int rotation_close(const struct home *h, char message[HOME_MESSAGE_SIZE])
{
    return locked(h, end, message);
}

int rotation_emergency(const struct home *h, char message[HOME_MESSAGE_SIZE])
{
    return locked(h, emergency, message);
}

int rotation_take(const struct home *h, struct bytes roots, char message[HOME_MESSAGE_SIZE])
{
    int lock = home_try_lock(h, message);
    if (lock < 0)
        return lock;
    int rc = roots_take(h, roots, false, message);
    close(lock);
    return rc;
}
