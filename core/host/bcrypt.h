/* bcrypt for kernels, by the system's libcrypt. Called by worker_host.c, and by velum version. */
#ifndef VELUM_HOST_BCRYPT_H
#define VELUM_HOST_BCRYPT_H

#include <stddef.h>

#define BCRYPT_SIZE 61    /* of the text, with its final zero */
#define BCRYPT_SETTING 29 /* $2b$10$ and 22 characters of salt */
#define BCRYPT_BYTES 72   /* of a password; more are left out, as bcrypt has it */

/* The first BCRYPT_SETTING characters of setting count. 0, ERR_ARGUMENT for a setting that is none
 * of bcrypt or a zero among the bytes, or ERR_SYSTEM. */
int bcrypt_text(const void *bytes, size_t size, const char *setting, char text[BCRYPT_SIZE]);
/* "" where it does not say. */
const char *bcrypt_library_version(void);

#endif
