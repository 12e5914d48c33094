// The files of TLS_CERT_FILE, TLS_KEY_FILE and TLS_CLIENT_CA_FILE.
#pragma once

#include <memory>

#include "granary/base/status.h"
#include "granary/io/file_system.h"
#include "granary/net/tls_context.h"
#include "granary/services/tenant_node/config.h"

namespace granary::services {

/// Null when none is configured. kInvalidArgument names the variable, its file and what is wrong.
Result<std::shared_ptr<const net::TlsContext>> LoadTls(const Config& config, io::FileSystem& files);

}  // namespace granary::services
