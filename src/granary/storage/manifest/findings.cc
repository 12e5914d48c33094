#include "granary/storage/manifest/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "granary/base/wrong_places.h"

namespace granary::storage {

std::string PointerStep(std::string_view name) {
  std::string step;
  for (const char c : name) {
    if (c == '~')
      step += "~0";
    else if (c == '/')
      step += "~1";
    else
      step += c;
  }
  return step;
}

void Findings::Add(std::string pointer, std::string_view detail) {
  errors_.push_back({std::move(pointer), std::string(detail)});
}

void Findings::Add(std::string pointer, const Status& status) {
  if (!status.ok()) Add(std::move(pointer), status.message());
}

Status Findings::Take() {
  if (errors_.empty()) return Status::Ok();
  std::string message = fmt::format("{}: {}", errors_.front().pointer, errors_.front().detail);
  errors_.resize(std::min(errors_.size(), kWrongPlacesMax));
  return {Code::kInvalidDefinition, std::move(message), std::move(errors_)};
}

}  // namespace granary::storage
