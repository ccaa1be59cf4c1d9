#include "core/host/root_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/host/authority.h"
#include "core/host/pem_file.h"
#include "core/host/roots.h"

static bool is_there(const struct home *h, const char *name, const char *ending)
{
    char path[HOME_PATH_SIZE];
    authority_file(h, name, ending, path);
    return access(path, F_OK) == 0;
}

bool root_key_is_of(const struct home *h)
{
    return authority_exists(h) && is_there(h, "issuer", "key");
}

bool root_key_is_here(const struct home *h)
{
    return is_there(h, "root", "key");
}

bool root_key_was_cut(const struct home *h)
{
    return is_there(h, "root", "key.tmp");
}

/* Whether this is the key that root.pem is of. */
static int check(const struct home *h, const EVP_PKEY *key, const char *file, char *message)
{
    char path[HOME_PATH_SIZE];
    X509 *root = NULL;
    authority_file(h, "root", "pem", path);
    int rc = pem_file_read_certificate(path, &root, message);
    if (rc == 0 && EVP_PKEY_eq(X509_get0_pubkey(root), key) != 1) {
        snprintf(message, HOME_MESSAGE_SIZE, "%s is not the key of the root in %s", file, path);
        rc = ERR_IDENTITY;
    }
    X509_free(root);
    return rc;
}

static int check_written(const struct home *h, const char *file, struct bytes passphrase,
                         char *message)
{
    EVP_PKEY *key = NULL;
    int rc = pem_file_read_sealed(file, passphrase, &key, message);
    if (rc == 0)
        rc = check(h, key, file, message);
    EVP_PKEY_free(key);
    return rc;
}

/* The next root's key lies beside it then, and is the one to keep. */
static int check_settled(const struct home *h, char *message)
{
    struct roots r;
    int rc = roots_read(&r, h, message);
    if (rc < 0)
        return rc;
#if VELUM_PLANT == 1046 /* unit/test_root_key: a key is taken away, and the next one's stays */
#else
    if (r.count > 1 && r.stage != ROOTS_ALONE) {
        snprintf(message, HOME_MESSAGE_SIZE,
                 "a change of the root is under way in %s, and the keys of two roots are there",
                 h->path);
        rc = ERR_BUSY;
    }
#endif
    roots_clear(&r);
    return rc;
}

static int delete_key(const struct home *h, const char *path, char *message)
{
    int folder = open(h->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = 0;
    if (folder < 0 || unlink(path) != 0 || fsync(folder) != 0) {
        snprintf(message, HOME_MESSAGE_SIZE,
                 "cannot delete %s: %s; it was written, and is still there", path, strerror(errno));
        rc = ERR_IO;
    }
    if (folder >= 0)
        close(folder);
    return rc;
}

static int export(const struct home *h, const char *file, struct bytes passphrase, bool remove,
                  char *message)
{
    char path[HOME_PATH_SIZE];
    EVP_PKEY *key = NULL;
    authority_file(h, "root", "key", path);
    if (access(file, F_OK) == 0) {
        snprintf(message, HOME_MESSAGE_SIZE, "%s is there already, and is not written over", file);
        return ERR_EXISTS;
    }
    int rc = check_settled(h, message);
    if (rc == 0)
        rc = pem_file_read_key(path, &key, message);
    if (rc == 0)
        rc = check(h, key, path, message);
    if (rc == 0)
        rc = pem_file_write_sealed(file, passphrase, key, message);
    EVP_PKEY_free(key);
    if (rc == 0)
        rc = check_written(h, file, passphrase, message);
#if VELUM_PLANT == 920 /* unit/test_root_key: the key is deleted though no file can be read back */
    return remove ? delete_key(h, path, message) : rc;
#else
    return rc == 0 && remove ? delete_key(h, path, message) : rc;
#endif
}

/* The sentence where there is none to give away. */
static int say_none(const struct home *h, char *message)
{
    const bool joined = authority_exists(h) && !root_key_is_of(h);
    snprintf(message, HOME_MESSAGE_SIZE, "the root's key is not in %s%s", h->path,
             joined ? ": this machine joined its mesh" : "");
    return ERR_NOT_FOUND;
}

int root_key_export(const struct home *h, const char *file, struct bytes passphrase, bool remove,
                    char message[HOME_MESSAGE_SIZE])
{
    certificate_library_open();
    if (!root_key_is_here(h) || !authority_exists(h))
        return say_none(h, message);
    int lock = home_lock(h, message);
    if (lock < 0)
        return lock;
    int rc = export(h, file, passphrase, remove, message);
    close(lock);
    return rc;
}

static int import(const struct home *h, const char *file, struct bytes passphrase, char *message)
{
    char path[HOME_PATH_SIZE];
    EVP_PKEY *key = NULL;
    authority_file(h, "root", "key", path);
    if (root_key_is_here(h)) {
        snprintf(message, HOME_MESSAGE_SIZE, "%s is there already", path);
        return ERR_EXISTS;
    }
    int rc = pem_file_read_sealed(file, passphrase, &key, message);
#if VELUM_PLANT == 921 /* unit/test_root_key: the key of another mesh is taken */
#else
    if (rc == 0)
        rc = check(h, key, file, message);
#endif
    if (rc == 0)
        rc = pem_file_write_key(path, key, message);
    EVP_PKEY_free(key);
    return rc;
}

int root_key_import(const struct home *h, const char *file, struct bytes passphrase,
                    char message[HOME_MESSAGE_SIZE])
{
    certificate_library_open();
    if (!root_key_is_of(h)) {
        snprintf(
            message, HOME_MESSAGE_SIZE,
            "the mesh in %s was not made there, and its root's key is of use only where it was",
            h->path);
        return ERR_PERMISSION;
    }
    int lock = home_lock(h, message);
    if (lock < 0)
        return lock;
    int rc = import(h, file, passphrase, message);
    close(lock);
    return rc;
}
