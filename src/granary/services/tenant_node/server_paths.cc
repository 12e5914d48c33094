#include "granary/services/tenant_node/server_paths.h"

#include <algorithm>
#include <utility>

#include "granary/services/tenant_node/node_options.h"

namespace granary::services {
namespace {

bool IsPathByte(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  const bool digit = c >= '0' && c <= '9';
  return letter || digit || c == '_' || c == '-' || c == '.' || c == '/' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// `path` at `at` is all of a path, or its first folders: not the middle of a longer name.
bool IsWhole(std::string_view text, std::size_t at, std::size_t bytes) {
  if (at > 0 && IsPathByte(text[at - 1])) return false;
  const std::size_t end = at + bytes;
  return end == text.size() || text[end] == '/' || !IsPathByte(text[end]) ||
         (text[end] == '.' && (end + 1 == text.size() || text[end + 1] == ' '));
}

}  // namespace

ServerPaths::ServerPaths(const Config& config, io::FileSystem& files) {
  const auto add = [&](const std::string& path, std::string_view name) {
    if (path.starts_with('/')) Add(path, name);
    if (Result<std::string> resolved = files.Resolve(path); resolved.ok())
      Add(resolved.Take(), name);
  };
  add(config.data_path, "DATA_PATH");
  for (const std::string& path : AllowedDataPaths(config)) add(path, "ALLOWED_DATA_PATHS");
  // A root inside another one has its own name.
  std::ranges::stable_sort(roots_, std::ranges::greater(),
                           [](const Root& root) { return root.path.size(); });
}

void ServerPaths::Add(std::string path, std::string_view name) {
  while (path.ends_with('/')) path.pop_back();
  if (!path.empty()) roots_.push_back({std::move(path), std::string(name)});
}

std::string ServerPaths::HideIn(std::string_view text) const {
  std::string out(text);
  for (const Root& root : roots_) {
    for (std::size_t at = 0; (at = out.find(root.path, at)) != std::string::npos;) {
      if (IsWhole(out, at, root.path.size())) out.replace(at, root.path.size(), root.name);
      ++at;
    }
  }
  return out;
}

Status ServerPaths::Hide(const Status& status) const {
  if (status.ok() || status.code() == Code::kUnsupported) return status;
  const std::string_view message = status.message();
  std::vector<FieldError> fields = status.fields();
  // A pointer looks like a path: {"data": 1} with DATA_PATH=/data.
  const std::string pointer = fields.empty() ? std::string() : fields.front().pointer;
  const std::size_t at = pointer.empty() ? std::string_view::npos : message.find(pointer + ": ");
  std::string hidden;
  if (at == std::string_view::npos) {
    hidden = HideIn(message);
  } else {
    hidden = HideIn(message.substr(0, at)) + pointer + HideIn(message.substr(at + pointer.size()));
  }
  bool same = hidden == status.message();
  for (FieldError& field : fields) {
    std::string detail = HideIn(field.detail);
    same = same && detail == field.detail;
    field.detail = std::move(detail);
  }
  return same ? status : Status(status.code(), std::move(hidden), std::move(fields));
}

SourceList ServerPaths::Hide(SourceList list) const {
  for (auto& damaged : list.damaged) damaged.why = Hide(damaged.why);
  return list;
}

}  // namespace granary::services
