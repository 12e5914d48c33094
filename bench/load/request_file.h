// RequestFile: the requests of a load, encoded before the clock starts.
//
// Shape      one after the other: a length (4 bytes, little-endian), then so many bytes. For REST
//            a whole HTTP request, for gRPC the message.
// Stamps     where a request has kStamp, Next() puts a number that no request had before, mixed
//            so that it does not grow (8 hexadecimal digits). So a small file can write new keys
//            for as long as it takes. Every 2^32 numbers they come again.
// Threads    one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "granary/base/status.h"

namespace granary::bench {

inline constexpr std::string_view kStamp = "########";

/// The n-th stamp, as 8 hexadecimal digits at `out`. Different for each n below 2^32.
void WriteStamp(std::uint32_t n, char* out);

class RequestFile {
 public:
  /// kIoError when it cannot be read, kInvalidArgument when it is not of this shape or empty.
  static Result<RequestFile> Read(const std::string& path);
  /// The same of what a file holds.
  static Result<RequestFile> Parse(std::string bytes);

  std::size_t size() const { return requests_.size(); }
  /// The next request with fresh stamps, from the first again after the last. Valid until the same
  /// one comes again, so more connections than requests would share bytes: see CanServe.
  std::string_view Next();
  /// True when so many requests may be under way at once: none has stamps, or there is one each.
  bool CanServe(std::size_t connections) const;
  /// How many Next() gave.
  std::uint64_t taken() const { return taken_; }

 private:
  struct Request {
    std::size_t offset = 0;
    std::size_t bytes = 0;
    std::size_t first_stamp = 0;  // In stamps_.
    std::size_t end_stamp = 0;
  };

  std::string bytes_;
  std::vector<Request> requests_;
  std::vector<std::size_t> stamps_;  // Offsets in bytes_.
  std::uint64_t taken_ = 0;
  std::uint32_t next_stamp_ = 0;
};

}  // namespace granary::bench
