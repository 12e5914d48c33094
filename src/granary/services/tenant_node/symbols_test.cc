// One process holds Arrow, gRPC, protobuf and OpenSSL, and Arrow's libraries export copies of what
// is built into them: each name must be found in the library that its users were compiled for.
#include <dlfcn.h>

#include <string>

#include <gtest/gtest.h>

namespace granary::services {
namespace {

std::string LibraryOf(const char* symbol) {
  void* address = ::dlsym(RTLD_DEFAULT, symbol);
  Dl_info info{};
  if (address == nullptr || ::dladdr(address, &info) == 0) return "not found";
  return info.dli_fname;
}

TEST(SymbolsTest, EachLibraryFindsItsOwn) {
  const std::pair<const char*, const char*> expected[] = {
      {"EVP_DigestInit_ex", "libcrypto.so"},
      {"X509_free", "libcrypto.so"},
      {"BIO_new", "libcrypto.so"},
      {"OPENSSL_init_crypto", "libcrypto.so"},
      {"PEM_read_bio_X509", "libcrypto.so"},
      {"SSL_new", "libssl.so"},
      {"grpc_init", "libgrpc.so"},
      {"_ZN6google8protobuf7Message20DiscardUnknownFieldsEv", "libprotobuf.so"}};
  for (const auto& [symbol, library] : expected)
    EXPECT_NE(LibraryOf(symbol).find(library), std::string::npos)
        << symbol << ": " << LibraryOf(symbol);
}

}  // namespace
}  // namespace granary::services
