#include "core/host/pem_file.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/host/memory.h"

#define PEM_SIZE_MAX 16384
#define SALT_SIZE 16
#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 5

static int say(char *message, int rc, const char *what, const char *path, const char *hint)
{
    snprintf(message, HOME_MESSAGE_SIZE, "%s %s%s%s", what, path, hint[0] ? ": " : "", hint);
    return rc;
}

/* The library's own would ask on the terminal. */
static int give_passphrase(char *to, int size, int writing, void *ctx)
{
    const struct bytes *passphrase = ctx;
    (void)writing;
    if (!passphrase || passphrase->len > (size_t)size)
        return -1;
    memcpy(to, passphrase->data, passphrase->len);
    return (int)passphrase->len;
}

/* *key stays NULL where the file holds none that can be opened so. */
static int read_key(const char *path, struct bytes *passphrase, EVP_PKEY **key, char *message)
{
    struct buf text;
    buf_init(&text, &host_memory, PEM_SIZE_MAX);
    int rc = home_read_file(path, &text, message);
    BIO *bio = rc == 0 ? BIO_new_mem_buf(text.data, (int)text.len) : NULL;
    *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, passphrase) : NULL;
    BIO_free(bio);
    if (text.data)
        OPENSSL_cleanse(text.data, text.cap);
    buf_clear(&text);
    ERR_clear_error();
    return rc;
}

int pem_file_read_key(const char *path, EVP_PKEY **key, char message[HOME_MESSAGE_SIZE])
{
    int rc = read_key(path, NULL, key, message);
    if (rc == 0 && !*key)
        rc = say(message, ERR_DAMAGED, "not a private key:", path, "restore it from a copy");
    return rc;
}

int pem_file_read_sealed(const char *path, struct bytes passphrase, EVP_PKEY **key,
                         char message[HOME_MESSAGE_SIZE])
{
    int rc = read_key(path, &passphrase, key, message);
    if (rc == 0 && !*key)
        rc = say(message, ERR_PERMISSION, "cannot open", path,
                 "it is under another passphrase, or holds no private key");
    return rc;
}

int pem_file_read_certificate(const char *path, X509 **x, char message[HOME_MESSAGE_SIZE])
{
    struct buf text;
    buf_init(&text, &host_memory, PEM_SIZE_MAX);
    int rc = home_read_file(path, &text, message);
    if (rc < 0)
        goto out;
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
    *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    if (!*x)
        rc = say(message, ERR_DAMAGED, "not a certificate:", path, "restore it from a copy");
out:
    buf_clear(&text);
    ERR_clear_error();
    return rc;
}

/* At once where nothing is staged. */
static int write_bio(struct staged *to, const char *path, BIO *bio, bool written, char *message)
{
    char *data = NULL;
    long len = bio ? BIO_get_mem_data(bio, &data) : 0;
    const struct bytes text = {(uint8_t *)data, len > 0 ? (size_t)len : 0};
    int rc = !written || len <= 0 ? say(message, ERR_NO_MEMORY, "cannot write", path, "")
             : to                 ? staged_add(to, path, text, message)
                                  : home_write_file(path, text, message);
    BIO_free(bio);
    return rc;
}

int pem_file_stage_key(struct staged *to, const char *path, EVP_PKEY *key,
                       char message[HOME_MESSAGE_SIZE])
{
    BIO *bio = BIO_new(BIO_s_secmem());
    bool written = bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    return write_bio(to, path, bio, written, message);
}

int pem_file_write_key(const char *path, EVP_PKEY *key, char message[HOME_MESSAGE_SIZE])
{
    return pem_file_stage_key(NULL, path, key, message);
}

int pem_file_stage_certificate(struct staged *to, const char *path, X509 *x,
                               char message[HOME_MESSAGE_SIZE])
{
    BIO *bio = BIO_new(BIO_s_mem());
    return write_bio(to, path, bio, bio && PEM_write_bio_X509(bio, x) == 1, message);
}

int pem_file_write_certificate(const char *path, X509 *x, char message[HOME_MESSAGE_SIZE])
{
    return pem_file_stage_certificate(NULL, path, x, message);
}

/* NULL when that fails. */
static X509_SIG *seal(struct bytes passphrase, EVP_PKEY *key)
{
    unsigned char salt[SALT_SIZE];
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
    X509_SIG *sealed = NULL;
    X509_ALGOR *how = plain && RAND_bytes(salt, sizeof salt) == 1
                          ? PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, sizeof salt, NULL,
                                                  SCRYPT_N, SCRYPT_R, SCRYPT_P)
                          : NULL;
    if (how)
        sealed = PKCS8_set0_pbe((const char *)passphrase.data, (int)passphrase.len, plain, how);
    if (!sealed)
        X509_ALGOR_free(how);
    PKCS8_PRIV_KEY_INFO_free(plain);
    ERR_clear_error();
    return sealed;
}

int pem_file_write_sealed(const char *path, struct bytes passphrase, EVP_PKEY *key,
                          char message[HOME_MESSAGE_SIZE])
{
    X509_SIG *sealed = seal(passphrase, key);
    BIO *bio = sealed ? BIO_new(BIO_s_mem()) : NULL;
    int rc = write_bio(NULL, path, bio, bio && PEM_write_bio_PKCS8(bio, sealed) == 1, message);
    X509_SIG_free(sealed);
    return rc;
}
