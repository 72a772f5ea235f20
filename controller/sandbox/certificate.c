#include "sandbox/certificate.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/text.h"

enum { SERIAL_BYTES = 16, NAMES_MOST = 64 };

static void key_done(EVP_PKEY **key) {
    EVP_PKEY_free(*key);
}

static void x509_done(X509 **certificate) {
    X509_free(*certificate);
}

static void bio_done(BIO **bio) {
    BIO_free_all(*bio);
}

#define KEY_AUTO __attribute__((cleanup(key_done))) EVP_PKEY
#define X509_AUTO __attribute__((cleanup(x509_done))) X509
#define BIO_AUTO __attribute__((cleanup(bio_done))) BIO

static bool broken(struct error *err, const char *what) {
    return error_set(err, ERROR_BROKEN, "make a certificate: %s failed in OpenSSL", what);
}

/* A random serial number (RFC 5280 §4.1.2.2: positive, at most 20 octets). */
static bool serial_set(X509 *certificate) {
    unsigned char bytes[SERIAL_BYTES];
    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool set = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return set;
}

static bool window_set(X509 *certificate, int64_t from_ms, int64_t until_ms) {
    return ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(from_ms / 1000)) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(until_ms / 1000)) != NULL;
}

static bool subject_set(X509 *certificate, const char *common_name) {
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) == 1;
}

static bool extension_add(X509 *certificate, X509 *issuer, int type, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, type, value);
    bool added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool pem_write(struct arena *arena, X509 *certificate, EVP_PKEY *key, struct certificate *out, struct error *err) {
    BIO_AUTO *text = BIO_new(BIO_s_mem());
    BIO_AUTO *secret = BIO_new(BIO_s_secmem());
    char *bytes = NULL;
    if (text == NULL || secret == NULL || PEM_write_bio_X509(text, certificate) != 1 ||
        PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) != 1)
        return broken(err, "writing PEM");
    long length = BIO_get_mem_data(text, &bytes);
    char *pem = arena_copy(arena, bytes, (size_t)length);
    length = BIO_get_mem_data(secret, &bytes);
    *out = (struct certificate){.pem = pem};
    secret_set(&out->key, bytes, (size_t)length);
    return true;
}

static bool certificate_begin(X509 *certificate, EVP_PKEY *key, const char *common_name, int64_t from_ms, int64_t until_ms) {
    const long version_3 = 2; /* the field counts from 0 */
    return certificate != NULL && key != NULL && X509_set_version(certificate, version_3) == 1 && serial_set(certificate) &&
           window_set(certificate, from_ms, until_ms) && subject_set(certificate, common_name) && X509_set_pubkey(certificate, key) == 1;
}

bool certificate_authority_make(struct arena *arena, const char *common_name, int64_t from_ms, int64_t until_ms, struct certificate *out,
                                struct error *err) {
    KEY_AUTO *key = EVP_EC_gen("P-256");
    X509_AUTO *certificate = X509_new();
    if (until_ms <= from_ms)
        return error_set(err, ERROR_INVALID, "make a certificate: its end is not after its beginning");
    if (!certificate_begin(certificate, key, common_name, from_ms, until_ms) ||
        X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) != 1)
        return broken(err, "beginning");
    if (!extension_add(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
        !extension_add(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") ||
        !extension_add(certificate, certificate, NID_subject_key_identifier, "hash"))
        return broken(err, "adding an extension");
    if (X509_sign(certificate, key, EVP_sha256()) == 0)
        return broken(err, "signing");
    return pem_write(arena, certificate, key, out, err);
}

/* A name goes into an OpenSSL value whose separators are "," and ":". */
static bool name_is_plain(const char *name) {
    return *name != '\0' && strlen(name) <= 253 &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-*")] == '\0';
}

static bool is_address(const char *name) {
    unsigned char bytes[16];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static bool names_make(struct arena *arena, const char *const *names, const char **out, struct error *err) {
    const char *list = "DNS:localhost,IP:127.0.0.1,IP:::1";
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (i == NAMES_MOST)
            return error_set(err, ERROR_INVALID, "make a certificate: more than %d names", NAMES_MOST);
        size_t length = strlen(names[i]);
        bool bracketed = length > 2 && names[i][0] == '[' && names[i][length - 1] == ']'; /* as IPv6 addresses stand in URLs */
        const char *name = bracketed ? arena_copy(arena, names[i] + 1, length - 2) : names[i];
        if (!is_address(name) && !name_is_plain(name))
            return error_set(err, ERROR_INVALID, "make a certificate: %.100s is no host name", names[i]);
        list = arena_text(arena, "%s,%s:%s", list, is_address(name) ? "IP" : "DNS", name);
    }
    *out = list;
    return true;
}

static bool authority_read(const struct certificate *authority, X509 **out_certificate, EVP_PKEY **out_key) {
    BIO_AUTO *text = BIO_new_mem_buf(authority->pem, -1);
    BIO_AUTO *secret = BIO_new_mem_buf(authority->key.reveal, (int)authority->key.length);
    if (text == NULL || secret == NULL)
        return false;
    *out_certificate = PEM_read_bio_X509(text, NULL, NULL, NULL);
    *out_key = PEM_read_bio_PrivateKey(secret, NULL, NULL, NULL);
    return *out_certificate != NULL && *out_key != NULL;
}

static bool server_extensions_add(X509 *certificate, X509 *issuer, const char *names) {
    return extension_add(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           extension_add(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
           extension_add(certificate, issuer, NID_ext_key_usage, "serverAuth") &&
           extension_add(certificate, issuer, NID_subject_alt_name, names) &&
           extension_add(certificate, issuer, NID_subject_key_identifier, "hash") &&
           extension_add(certificate, issuer, NID_authority_key_identifier, "keyid:always");
}

bool certificate_server_make(struct arena *arena, const struct certificate *authority, const char *const *names, int64_t from_ms,
                             int64_t until_ms, struct certificate *out, struct error *err) {
    X509_AUTO *issuer = NULL;
    KEY_AUTO *issuer_key = NULL;
    KEY_AUTO *key = EVP_EC_gen("P-256");
    X509_AUTO *certificate = X509_new();
    const char *list = NULL;
    if (until_ms <= from_ms)
        return error_set(err, ERROR_INVALID, "make a certificate: its end is not after its beginning");
    if (!names_make(arena, names, &list, err))
        return false;
    if (authority->pem == NULL || authority->key.reveal == NULL || !authority_read(authority, &issuer, &issuer_key))
        return error_set(err, ERROR_INVALID, "make a certificate: the authority's certificate or key is not readable PEM");
    if (!certificate_begin(certificate, key, "localhost", from_ms, until_ms) ||
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1)
        return broken(err, "beginning");
    if (!server_extensions_add(certificate, issuer, list))
        return broken(err, "adding an extension");
    if (X509_sign(certificate, issuer_key, EVP_sha256()) == 0)
        return broken(err, "signing");
    return pem_write(arena, certificate, key, out, err);
}
