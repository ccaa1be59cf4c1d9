/* One key or one certificate in a file, as PEM (RFC 7468). Called by authority.c and root_key.c;
 * knows OpenSSL. What is given is the caller's to free. Errors leave a sentence in `message`. */
#ifndef VELUM_HOST_PEM_FILE_H
#define VELUM_HOST_PEM_FILE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/host/home.h"
#include "core/host/staged.h"

/* A private key of this machine, which no passphrase is on: nobody is ever asked for one. */
int pem_file_read_key(const char *path, EVP_PKEY **key, char message[HOME_MESSAGE_SIZE]);
int pem_file_write_key(const char *path, EVP_PKEY *key, char message[HOME_MESSAGE_SIZE]);
/* The same under a passphrase: PKCS#8 (RFC 5958) with AES-256, whose key scrypt makes (RFC 7914,
 * N 2^14, r 8, p 5: some 0.2 s and 16 MiB a guess). ERR_PERMISSION where it is another one. */
int pem_file_read_sealed(const char *path, struct bytes passphrase, EVP_PKEY **key,
                         char message[HOME_MESSAGE_SIZE]);
int pem_file_write_sealed(const char *path, struct bytes passphrase, EVP_PKEY *key,
                          char message[HOME_MESSAGE_SIZE]);
int pem_file_read_certificate(const char *path, X509 **x, char message[HOME_MESSAGE_SIZE]);
int pem_file_write_certificate(const char *path, X509 *x, char message[HOME_MESSAGE_SIZE]);
/* As write, with others. */
int pem_file_stage_key(struct staged *to, const char *path, EVP_PKEY *key,
                       char message[HOME_MESSAGE_SIZE]);
int pem_file_stage_certificate(struct staged *to, const char *path, X509 *x,
                               char message[HOME_MESSAGE_SIZE]);

#endif
