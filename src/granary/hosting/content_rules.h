// Which forms of body and answer a request has and wants.
#pragma once

#include <optional>
#include <string_view>

#include "granary/api/answer_writer.h"
#include "granary/base/status.h"
#include "granary/net/http_message.h"

namespace granary::hosting {

/// For calls with a JSON body: Content-Type must be application/json (or left out), its only
/// parameter charset=utf-8. kUnsupportedMediaType; `others` is what else it names as taken:
/// ", text/csv".
Status CheckJsonBody(const net::HttpRequest& request, std::string_view others = {});

/// The same for calls whose body may be left out: without one its type says nothing.
Status CheckOptionalBody(const net::HttpRequest& request);

/// The format of a body of records that is read as it comes, by Content-Type; nothing for JSON and
/// for unknown types. kUnsupportedMediaType for a parameter that is not true of the format as it is
/// read: any but charset=utf-8, and header=present of CSV.
Result<std::optional<formats::TableFormat>> StreamedBodyFormat(const net::HttpRequest& request);

/// The form of a streamed answer, by Accept and ?frames=. kNotAcceptable lists what there is;
/// kInvalidArgument for a `frames` that is neither true nor false, that is true of a form without
/// frames, or false of events, which are frames.
Result<api::AnswerForm> ChooseAnswerForm(const net::HttpRequest& request);

/// A query parameter that is true or false. kInvalidArgument for anything else.
Result<bool> BoolParameter(const net::HttpRequest& request, std::string_view name, bool fallback);

}  // namespace granary::hosting
