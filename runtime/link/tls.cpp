#include "runtime/link/tls.hpp"

#include <kj/exception.h>

#include <fstream>
#include <sstream>
#include <utility>

namespace omma {
namespace {

Result<std::string> read_pem(const std::string& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  if (!in || text.str().empty()) {
    return Error{Code::not_found, "TLS file '" + path + "' cannot be read"};
  }
  return text.str();
}

}  // namespace

Result<kj::Own<kj::TlsContext>> make_tls_context(const TlsFiles& files) {
  auto authority = read_pem(files.authority);
  if (!authority) return authority.error();
  auto certificate = read_pem(files.certificate);
  if (!certificate) return certificate.error();
  auto key = read_pem(files.key);
  if (!key) return key.error();
  kj::Own<kj::TlsContext> context;
  auto failure = kj::runCatchingExceptions([&] {
    const kj::TlsKeypair pair{kj::TlsPrivateKey(kj::StringPtr(key->c_str())),
                              kj::TlsCertificate(kj::StringPtr(certificate->c_str()))};
    const kj::TlsCertificate trusted(kj::StringPtr(authority->c_str()));
    kj::TlsContext::Options options;
    options.useSystemTrustStore = false;
    options.verifyClients = true;
    options.trustedCertificates = kj::arrayPtr(&trusted, 1);
    options.defaultKeypair = pair;
    options.minVersion = kj::TlsVersion::TLS_1_2;
    context = kj::heap<kj::TlsContext>(kj::mv(options));
  });
  KJ_IF_MAYBE (exception, failure) {
    return Error{Code::invalid_argument, "TLS files '" + files.authority + "', '" +
                                             files.certificate + "', '" + files.key +
                                             "': " + exception->getDescription().cStr()};
  }
  return kj::mv(context);
}

std::string certificate_name(kj::PeerIdentity& identity) {
  auto* tls = dynamic_cast<kj::TlsPeerIdentity*>(&identity);
  if (tls == nullptr || !tls->hasCertificate()) return {};
  return tls->getCommonName().cStr();
}

}  // namespace omma
