/* The private key of the mesh's root, which may lie elsewhere than in the home folder: out of it
 * into a file under a passphrase, and back. Nodes and the issuer go on without it; what needs it is
 * a new certificate for the issuer, in the second half of its year.
 *
 * Both wait for the home lock. Called by cmd/ca.c; knows OpenSSL. Errors leave a sentence. */
#ifndef VELUM_HOST_ROOT_KEY_H
#define VELUM_HOST_ROOT_KEY_H

#include <stdbool.h>

#include "core/base/bytes.h"
#include "core/host/home.h"

#define ROOT_KEY_PASSPHRASE_MIN 8
#define ROOT_KEY_PASSPHRASE_MAX 1000

/* Whether the mesh of this home was made in it: only there are such keys of any use. */
bool root_key_is_of(const struct home *h);
bool root_key_is_here(const struct home *h);
/* Whether it, or a part, is in root.key.tmp: who wrote it was killed. */
bool root_key_was_cut(const struct home *h);
/* Writes root.key into `file` (mode 0600; ERR_EXISTS where something is there already), reads that
 * back and looks whether it is the key of root.pem. Then, to `remove` it, root.key is deleted.
 * ERR_NOT_FOUND where this home has none; ERR_BUSY while a change of the root is under way. */
int root_key_export(const struct home *h, const char *file, struct bytes passphrase, bool remove,
                    char message[HOME_MESSAGE_SIZE]);
/* Puts it back. ERR_PERMISSION: another passphrase, or the mesh was made elsewhere; ERR_IDENTITY:
 * it is not the key of this mesh's root; ERR_EXISTS. */
int root_key_import(const struct home *h, const char *file, struct bytes passphrase,
                    char message[HOME_MESSAGE_SIZE]);

#endif
