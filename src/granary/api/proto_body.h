// A gRPC request as the JSON body that REST has for it, so that one reader checks both and neither
// can allow what the other refuses.
//
// Values     travel as text: an int64 as its digits, a timestamp as RFC 3339 to the nanosecond.
// Unknown    fields of a message are refused like unknown members of a body: a client that is newer
//            than the node must not find its filter widened.
// Errors     kUnknownMember, kInvalidRequest, kInvalidLiteral and kInvalidRecord (a value without a
//            kind, a UUID that is not 16 bytes, …), with pointers into the body.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "granary/base/status.h"

namespace google::protobuf {
class Message;
}

namespace granary::api {

/// kInvalidRequest when `bytes` are no message of `out`'s type.
Status ParseMessage(std::string_view bytes, google::protobuf::Message& out);

/// `request` as a JSON object. Its fields in `besides` are the caller's to read and left out.
Result<std::string> BodyOf(const google::protobuf::Message& request,
                           std::initializer_list<std::string_view> besides = {});

}  // namespace granary::api
