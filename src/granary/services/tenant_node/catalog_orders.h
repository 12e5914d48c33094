// CatalogOrders: compactions that the Metadata Catalog wants made, and how far they are.
//
// Promise    an order is started once, however often it comes; it is reported until the catalog has
//            heard of its end.
// Threads    one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "granary/api/catalog_answer_json.h"
#include "granary/api/publication_json.h"
#include "granary/tenant/tenant.h"

namespace granary::services {

class CatalogOrders {
 public:
  explicit CatalogOrders(storage::Store& store) : store_(store) {}

  void Start(const std::vector<api::CompactionOrder>& orders);
  /// Of all that are not forgotten.
  std::vector<api::CompactionProgress> Report() const;
  /// The catalog has heard `reported`: what had ended is forgotten.
  void Heard(const std::vector<api::CompactionProgress>& reported);
  void Clear() { jobs_.clear(); }

 private:
  storage::Store& store_;
  std::map<std::uint64_t, storage::CompactionJob> jobs_;  // By order; as it was started.
};

}  // namespace granary::services
