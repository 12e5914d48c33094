// AnswerWriter: the rows of a streamed search in the form that the client asked for.
//
// Threads    one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "granary/base/status.h"
#include "granary/formats/table_format.h"
#include "granary/tenant/tenant.h"

namespace granary::api {

class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;
  /// Once, before rows.
  virtual Status Begin(const query::AnswerShape& shape, std::string& out) = 0;
  virtual Status Add(const query::ResultBatch& rows, std::string& out) = 0;
  /// Now and then, after rows were sent.
  virtual void Progress(std::uint64_t, double, std::string&) {}
  virtual Status End(std::uint64_t rows, const query::QueryStats& stats, double elapsed_ms,
                     std::string& out) = 0;
  /// After bytes were sent; appends what the form has to say about it.
  virtual void Fail(const Status&, std::string&) {}
};

struct AnswerForm {
  formats::TableFormat format = formats::TableFormat::kNdjson;
  bool frames = false;  ///< Parts say what they are (api/stream_frames.h); events always do.
};

std::unique_ptr<AnswerWriter> MakeAnswerWriter(const AnswerForm& form, std::string request_id);

}  // namespace granary::api
