/* Those who sign the certificates of wrong_make.h: the authorities of the mesh in a home folder,
 * those of another one, and some who should not be any. Header only. */
#ifndef VELUM_TESTS_WRONG_MAKERS_H
#define VELUM_TESTS_WRONG_MAKERS_H

#include "tests/unit/wrong_make.h"

static inline struct authority issuer_made(const struct authority *by, const char *subject,
                                           int64_t begins_s, int64_t ends_s)
{
    const struct recipe r = {.basic = "critical,CA:TRUE,pathlen:0",
                             .usage = "critical,keyCertSign,cRLSign",
                             .eku = "",
                             .begins_s = begins_s,
                             .ends_s = ends_s};
    const struct authority key = {EVP_EC_gen("P-256"), NULL};
    return (struct authority){key.key, cook(&r, by, "", key.key, subject)};
}

static inline struct authority root_made(void)
{
    const struct recipe r = {
        .basic = "critical,CA:TRUE,pathlen:1", .usage = "critical,keyCertSign,cRLSign", .eku = ""};
    const struct authority self = {EVP_EC_gen("P-256"), NULL};
    return (struct authority){self.key, cook(&r, &self, "", self.key, "velum root")};
}

static inline struct authority authority_of_file(const struct home *h, const char *name)
{
    struct authority a;
    char path[HOME_PATH_SIZE + 16];
    snprintf(path, sizeof path, "%s/%s.key", h->path, name);
    FILE *f = fopen(path, "re");
    REQUIRE(f && (a.key = PEM_read_PrivateKey(f, NULL, NULL, NULL)) != NULL);
    fclose(f);
    snprintf(path, sizeof path, "%s/%s.pem", h->path, name);
    f = fopen(path, "re");
    REQUIRE(f && (a.x = PEM_read_X509(f, NULL, NULL, NULL)) != NULL);
    fclose(f);
    return a;
}

/* The keys of the mesh in that folder, of another one, and of those who have none of theirs. */
static inline void makers_open(const struct home *h)
{
    const struct recipe node = {.san = "U:velum://%m/node/%i"};
    struct authority *m = makers;
    for (int i = 0; i <= KEY_RSA; i++)
        REQUIRE((keys[i] = key_made((enum key_kind)i)) != NULL);
    root_of = authority_of_file(h, "root");
    other_root = root_made();
    twin_root = root_made();
    spki_hex(root_of.key, mesh_hex);
    spki_hex(other_root.key, other_hex);
    m[BY_ROOT] = root_of;
    m[BY_ISSUER] = authority_of_file(h, "issuer");
    m[BY_SECOND_ISSUER] = issuer_made(&root_of, "velum issuer", 0, 0);
    m[BY_OLD_ISSUER] = issuer_made(&root_of, "velum issuer", -9 * DAYS, -2 * DAYS);
    m[BY_EARLY_ISSUER] = issuer_made(&root_of, "velum issuer", 2 * DAYS, 9 * DAYS);
    m[BY_SUB_ISSUER] = issuer_made(&m[BY_ISSUER], "velum issuer below", 0, 0);
    m[BY_OTHER_ISSUER] = issuer_made(&other_root, "velum issuer", 0, 0);
    m[BY_TWIN_ROOT] = issuer_made(&twin_root, "velum issuer", 0, 0);
    m[BY_TWIN] = (struct authority){EVP_EC_gen("P-256"), m[BY_ISSUER].x};
    m[BY_NODE].key = EVP_EC_gen("P-256");
    m[BY_NODE].x = cook(&node, &m[BY_ISSUER], "node", m[BY_NODE].key, "velum");
}

static inline void makers_close(void)
{
    for (int i = 0; i < MAKERS; i++) {
        if (i != BY_ROOT)
            EVP_PKEY_free(makers[i].key);
        if (i != BY_ROOT && i != BY_TWIN)
            X509_free(makers[i].x);
    }
    for (int i = 0; i <= KEY_RSA; i++)
        EVP_PKEY_free(keys[i]);
    struct authority *roots[] = {&root_of, &other_root, &twin_root};
    for (int i = 0; i < 3; i++) {
        EVP_PKEY_free(roots[i]->key);
        X509_free(roots[i]->x);
    }
    for (struct cooked *c = all_cooked; c->x; c++)
        X509_free(c->x);
    memset(all_cooked, 0, sizeof all_cooked);
    memset(makers, 0, sizeof makers);
}

#endif
