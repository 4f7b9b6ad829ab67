#include "kontor/transport/pem.h"

#include <openssl/err.h>

namespace kontor::transport {
namespace {

BioPointer reader(const std::string& pem) {
    return BioPointer(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

std::string contents(BIO& bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(&bio, &data);
    return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

// A pass phrase is never asked for on the terminal: encrypted keys are refused.
int no_pass_phrase(char*, int, int, void*) {
    return -1;
}

}  // namespace

Result<std::vector<X509Pointer>> certificates_from_pem(const std::string& pem) {
    const BioPointer bio = reader(pem);
    std::vector<X509Pointer> out;
    while (bio) {
        X509Pointer one(PEM_read_bio_X509(bio.get(), nullptr, no_pass_phrase, nullptr));
        if (!one) break;
        out.push_back(std::move(one));
        if (out.size() > kMaxChainLength) return fail(ErrorCode::too_large, "more than 256 certificates");
    }
    const unsigned long error = ERR_peek_last_error();
    const bool clean_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (out.empty() || !clean_end) return fail(ErrorCode::invalid_argument, "not a PEM certificate");
    return out;
}

Result<KeyPointer> key_from_pem(const std::string& pem) {
    const BioPointer bio = reader(pem);
    KeyPointer key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr) : nullptr);
    ERR_clear_error();
    if (!key) return fail(ErrorCode::invalid_argument, "not an unencrypted PEM private key");
    return key;
}

Result<std::string> certificate_to_pem(X509& certificate) {
    const BioPointer bio(BIO_new(BIO_s_mem()));
    if (!bio || PEM_write_bio_X509(bio.get(), &certificate) != 1)
        return fail(ErrorCode::internal, "OpenSSL could not write a certificate");
    return contents(*bio);
}

Result<std::string> key_to_pem(EVP_PKEY& key) {
    const BioPointer bio(BIO_new(BIO_s_mem()));
    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return fail(ErrorCode::internal, "OpenSSL could not write a private key");
    return contents(*bio);
}

}  // namespace kontor::transport
